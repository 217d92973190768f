/* Reads the messages that tools/catalogue.ts compiled: ICU MessageFormat without a parser. */
export type Part =
  | string
  | [0 | 1, string] // argument, number
  | [2 | 3, string, Record<string, Text>] // select, plural
  | [4, ''?] // the plural's number
export type Text = string | Part[]
export type Args = Record<string, string | number | null | undefined>

export function format(text: Text, args: Args, lang: string, pound = ''): string {
  if (typeof text === 'string') return text
  let out = ''
  for (const part of text) {
    if (typeof part === 'string') {
      out += part
      continue
    }
    const [kind, name, cases] = part
    const value = args[name ?? ''] ?? ''
    if (kind === 4) out += pound
    else if (kind === 0) out += String(value)
    else if (kind === 1) out += new Intl.NumberFormat(lang).format(Number(value))
    else if (kind === 2) out += format(cases![String(value)] ?? cases!.other, args, lang, pound)
    else {
      const n = Number(value)
      const chosen = cases!['=' + n] ?? cases![new Intl.PluralRules(lang).select(n)] ?? cases!.other
      out += format(chosen, args, lang, new Intl.NumberFormat(lang).format(n))
    }
  }
  return out
}
