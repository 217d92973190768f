import { svelte } from '@sveltejs/vite-plugin-svelte'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { catalogue } from './tools/catalogue.ts'

const i18n = fileURLToPath(new URL('../i18n', import.meta.url))

/* web/dist is kept in the repository: stable names, no source maps, the same input gives the same bytes. */
export default defineConfig({
  plugins: [svelte(), catalogue(i18n)],
  build: {
    target: 'es2022',
    sourcemap: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
    rolldownOptions: {
      output: {
        entryFileNames: 'app.js',
        // what several pages share stands in two files, so that names stay when pages change
        codeSplitting: { groups: [{ name: 'svelte', test: /node_modules/ }, { name: 'base', test: /src\/(lib|ui)\// }] },
        chunkFileNames: 'assets/[name].js',
        assetFileNames: (asset) => (asset.names[0] === 'index.css' ? 'app.css' : 'assets/[name][extname]'),
      },
    },
  },
  worker: { format: 'es', rolldownOptions: { output: { entryFileNames: 'live.js' } } },
  server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
})
