import { stems } from './words.ts'

const PARTS = {
  street: stems('street line road address'),
  postalCode: stems('postal postcode zip'),
  city: stems('city town locality'),
  country: stems('country'),
}
type Part = keyof typeof PARTS

const POSTAL_CODE =
  /(?<![\p{L}\p{N}])(?:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|[A-Z]{1,2}-\d{4,6}|\d{4} [A-Z]{2}|\d{4,6}(?:-\d{3,4})?)(?![\p{L}\p{N}])/u

/** The part of an address that a field's name asks for. */
export function addressPart(words: readonly string[]): Part | undefined {
  // The more telling names first: `address_city` asks for a city.
  const order: Part[] = ['postalCode', 'city', 'country', 'street']
  return order.find((part) => words.some((word) => PARTS[part].has(word)))
}

/**
 * Takes a part out of an address whose parts stand on lines or between commas: the street has a house number, the place
 * stands with or before the postal code, the country after both.
 */
export function readAddress(text: string, part: Part): string | undefined {
  const parts = text
    .split(/[,\n]/, 12)
    .map((each) => each.trim())
    .filter(Boolean)
  const coded = parts.findLastIndex((each) => POSTAL_CODE.test(each) && !isStreet(each))
  const street = parts.findIndex((each, index) => index !== coded && isStreet(each))
  const code = POSTAL_CODE.exec(parts[coded] ?? '')?.[0]
  const beside = code && parts[coded]?.replace(code, '').trim()
  const cityAt = beside ? coded : coded > 0 && coded - 1 !== street ? coded - 1 : coded < 0 ? street + 1 : -1
  switch (part) {
    case 'postalCode':
      return code
    case 'street':
      return parts[street]
    case 'city':
      return street < 0 && coded < 0 ? undefined : beside || lettersOnly(parts[cityAt])
    case 'country':
      return lettersOnly(parts.slice(Math.max(cityAt, coded, street) + 1).at(0))
  }
}

function isStreet(text: string): boolean {
  return /^\d{1,5}[a-z]? \p{L}{2,}|^\p{L}[\p{L} .'’-]{2,60} \d{1,5} ?[a-z]?$/iu.test(text) && !/^\d{4,6} /.test(text)
}

function lettersOnly(text: string | undefined): string | undefined {
  return text !== undefined && /^\p{L}[\p{L} .'’-]*$/u.test(text) ? text : undefined
}
