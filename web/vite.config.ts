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
    cssCodeSplit: false,
    reportCompressedSize: true,
    rolldownOptions: {
      preserveEntrySignatures: 'allow-extension',
      output: {
        entryFileNames: 'main.js',
        // the page begins with one script: what main.ts needs is one file, and each file is a round trip
        codeSplitting: { groups: [{ name: 'app', test: /src\/main\.ts$/ }] },
        chunkFileNames: (chunk) => (chunk.name === 'app' ? 'app.js' : 'assets/[name].js'),
        assetFileNames: (asset) => (asset.names[0]?.endsWith('.css') ? 'app.css' : 'assets/[name][extname]'),
      },
    },
  },
  worker: { format: 'es', rolldownOptions: { output: { entryFileNames: 'live.js' } } },
  server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
})
