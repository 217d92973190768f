/* Turns i18n/web-*.json, and the words of other parts that the interface shows (labels of fields, their choices: keys in small
 * letters), into one small module per language at build time, so that the browser carries neither a
 * parser nor the other four languages. A text without arguments stays a string; one with arguments becomes a list of
 * strings and nodes that lib/message.ts reads. Import "virtual:catalogue/en" and so on. */
import { parse, TYPE, type MessageFormatElement } from '@formatjs/icu-messageformat-parser'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'
import type { Part, Text } from '../src/lib/message'

export const languages = ['en', 'ja', 'zh', 'kk', 'ru']

function compile(nodes: MessageFormatElement[]): Text {
  const parts = nodes.map((node): Part => {
    switch (node.type) {
      case TYPE.literal:
        return node.value
      case TYPE.argument:
        return [0, node.value]
      case TYPE.number:
        return [1, node.value]
      case TYPE.select:
        return [2, node.value, cases(node.options)]
      case TYPE.plural:
        return [3, node.value, cases(node.options)]
      case TYPE.pound:
        return [4]
      default:
        throw new Error('dates and times are formatted before they go into a text')
    }
  })
  return parts.every((p) => typeof p === 'string') ? parts.join('') : parts
}

function cases(options: Record<string, { value: MessageFormatElement[] }>): Record<string, Text> {
  return Object.fromEntries(Object.entries(options).map(([name, o]) => [name, compile(o.value)]))
}

function read(folder: string, lang: string): Record<string, Text> {
  const texts: Record<string, Text> = {}
  const files = readdirSync(folder).filter((f) => f.endsWith('.json'))
  for (const file of files.sort())
    for (const [key, entry] of Object.entries<Record<string, string>>(JSON.parse(readFileSync(join(folder, file), 'utf8')))) {
      if (!file.startsWith('web-') && !/^[a-z]/.test(key)) continue
      if (key in texts) throw new Error(`${file}: ${key} is there already`)
      if (typeof entry[lang] !== 'string') throw new Error(`${file}: ${key} has no text in ${lang}`)
      try {
        texts[key] = compile(parse(entry[lang], { ignoreTag: true }))
      } catch (e) {
        throw new Error(`${file}: ${key}: ${lang}: ${(e as Error).message}`)
      }
    }
  return texts
}

export function catalogue(folder: string): Plugin {
  const prefix = 'virtual:catalogue/'
  return {
    name: 'kith-catalogue',
    resolveId: (id) => (id.startsWith(prefix) ? '\0' + id : undefined),
    load(id) {
      if (!id.startsWith('\0' + prefix)) return
      const lang = id.slice(prefix.length + 1)
      for (const file of readdirSync(folder)) if (file.startsWith('web-')) this.addWatchFile(join(folder, file))
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(read(folder, lang)))})`
    },
  }
}
