import { rawWords } from './words.ts'

const COMMON: Readonly<Record<string, string>> = {
  en: 'the and is are was of to for not with you this that have we our please your',
  de: 'der die das und ist sind nicht ich wir mit für ein eine auf bitte haben sie unsere',
  fr: 'le les et est sont pas je nous avec pour une vous des du votre notre bonjour merci',
  es: 'el los las y es son no con para una por que nuestro gracias hola está su pedido',
  it: 'il gli e è sono non con per una che di della nostro grazie ciao vostro ordine abbiamo',
  nl: 'het een en is zijn niet met voor wij ik van onze graag bedankt jullie deze dat bestelling',
  pt: 'os as e é são não com para uma por que do da nosso obrigado olá está pedido',
}

const LANGUAGES = Object.entries(COMMON).map(([code, words]) => ({ code, words: new Set(words.split(' ')) }))
const SAMPLE_CHARACTERS = 4_000

/** The ISO 639-1 code of the language whose commonest words a text has most of: three at least, and more than any other. */
export function languageOf(text: string): string | undefined {
  const spoken = rawWords(text.slice(0, SAMPLE_CHARACTERS))
  const counts = LANGUAGES.map(({ code, words }) => ({ code, count: spoken.filter((word) => words.has(word)).length }))
  const [first, second] = counts.toSorted((a, b) => b.count - a.count)
  return first && first.count >= 3 && first.count > (second?.count ?? 0) ? first.code : undefined
}
