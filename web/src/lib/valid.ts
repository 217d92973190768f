/* What a browser finds wrong in a form, in the language of the interface: by itself a browser tells it in its own. */
import { t } from './i18n.svelte'

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement
const told = new Set<Control>()

function sentence(field: Control): string {
  const v = field.validity
  if (v.valueMissing) return t('valid.missing')
  if (field instanceof HTMLSelectElement) return ''
  if (v.typeMismatch && field.type === 'email') return t('valid.email')
  if (v.tooShort) return t('valid.short', { n: field.minLength })
  if (field instanceof HTMLInputElement && (v.rangeUnderflow || v.rangeOverflow)) return t('valid.range', { min: field.min, max: field.max })
  return v.badInput || v.stepMismatch || v.typeMismatch ? t('valid.other') : ''
}
/* Whatever the person does next, the browser looks anew. */
function forget() {
  for (const field of told) field.setCustomValidity('')
  told.clear()
}
export function speak_forms() {
  addEventListener(
    'invalid',
    (e) => {
      const field = e.target as Control
      const text = sentence(field)
      if (!text) return
      field.setCustomValidity(text)
      told.add(field)
    },
    true,
  )
  for (const what of ['input', 'change', 'keydown', 'pointerdown']) addEventListener(what, forget, true)
}
