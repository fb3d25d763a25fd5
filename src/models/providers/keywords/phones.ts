import type { CountryCode } from 'libphonenumber-js'
import { around, type Found, MAX_FOUND } from './found.ts'
import { phoneNumbers } from './lazy.ts'
import { isIsoDate } from './times.ts'
import { stems } from './words.ts'

const CANDIDATE = /(?<![\p{L}\p{N}-])[+(]{0,2}\d[\d ()./-]{5,22}\d(?![\p{L}\p{N}])/gu
const WORDS = stems(
  'phone telephone tel call mobile cell fax ring number telefon anrufen rufnummer handy mobil téléphone appeler appelez teléfono ' +
    'llamar móvil telefono chiamare cellulare telefoon bellen telefone ligar celular',
)
/** Where a language is spoken by most who write in it: how a number without its country may be meant. */
const COUNTRIES: Readonly<Record<string, readonly CountryCode[]>> = {
  da: ['DK'],
  de: ['DE', 'AT', 'CH'],
  en: ['US', 'GB', 'CA', 'AU', 'IE', 'NZ', 'IN', 'ZA'],
  es: ['ES', 'MX', 'AR', 'CO', 'CL', 'PE'],
  fi: ['FI'],
  fr: ['FR', 'BE', 'CH', 'CA'],
  it: ['IT', 'CH'],
  ja: ['JP'],
  nl: ['NL', 'BE'],
  pl: ['PL'],
  pt: ['PT', 'BR'],
  sv: ['SE', 'FI'],
}

/**
 * Phone numbers of 7 to 15 digits as they are written: with `+` and of a length that their country has, or with `0` or `(` in
 * front, or after a word such as `call`. One that nothing introduces is valid in a country of the text's language, if that is known.
 */
export function findPhones(text: string, language: string | undefined): Found<string>[] {
  const found: Found<string>[] = []
  for (const { 0: value, index } of text.matchAll(CANDIDATE)) {
    const digits = value.replaceAll(/\D/g, '').length
    if (digits < 7 || digits > 15 || isIsoDate(value.slice(0, 10)) || /\d\.\d\d$|^\d+(?:,\d{3})+$/.test(value)) continue
    const phone = { value, start: index, end: index + value.length }
    if (isPhone(text, phone, language)) found.push(phone)
    if (found.length >= MAX_FOUND) break
  }
  return found
}

function isPhone(text: string, phone: Found<string>, language: string | undefined): boolean {
  const { value } = phone
  if (value.includes('+')) return phoneNumbers().parsePhoneNumberFromString(value)?.isPossible() ?? false
  if (
    around(text, phone)
      .before.slice(0, 3)
      .some((word) => WORDS.has(word))
  )
    return true
  if (!/^[(0]/.test(value)) return false
  const countries = COUNTRIES[language ?? ''] ?? []
  return countries.length === 0 || countries.some((country) => phoneNumbers().isValidPhoneNumber(value, country))
}

/** A number in E.164, when it says its country itself. */
export function international(value: string): string | undefined {
  return value.includes('+') ? phoneNumbers().parsePhoneNumberFromString(value)?.number : undefined
}
