import { rawWords } from './words.ts'

const COMMON: Readonly<Record<string, string>> = {
  en: 'the and is are was of to for not with you this that have we our please your it be has can my in on would i',
  de: 'der die das und ist sind nicht ich wir mit für ein eine auf bitte haben sie unsere zu den im von es dem wurde meine',
  fr: 'le les et est sont pas je nous avec pour une vous des du votre notre bonjour merci la de un ce dans mon ma ne il au',
  es: 'el los las y es son no con para una por que nuestro gracias hola está su pedido la de un en mi me lo del se he',
  it: 'il gli e è sono non con per una che di della nostro grazie ciao vostro ordine abbiamo la un in mi ho del dei nel',
  nl: 'het een en is zijn niet met voor wij ik van onze graag bedankt jullie deze dat bestelling de op mijn te we heb naar',
  pt: 'os as e é são não com para uma por que do da nosso obrigado olá está pedido o a um em meu minha foi no na',
  sv: 'och är inte jag vi med för en ett att det som på har vår tack hej min av till om den från',
  da: 'og er ikke jeg vi med for en et at det som på har vores tak hej min af til om den fra jer',
  nb: 'og er ikke jeg vi med for en et at det som på har vår takk hei min av til om den fra dere',
  fi: 'ja on ei että en se oli kiitos hei ovat me meidän mutta minun tämä kun ole tilaus voitteko',
  pl: 'i jest nie się na że do to z w dziękuję proszę jak był mój moje zamówienie czy dzień dobry',
  cs: 'a je se na že do to s v děkuji prosím jak byl můj moje objednávka dobrý den není jsem',
  tr: 've bir bu için ile çok değil ben biz lütfen teşekkürler merhaba ama var yok sipariş daha',
  ro: 'și este nu sunt cu pentru un o că de la din vă mulțumesc bună comanda am în pe',
  hu: 'és nem hogy az egy ez van volt kérem köszönöm nem vagy meg rendelés de is',
}

const LANGUAGES = Object.entries(COMMON).map(([code, words]) => ({ code, words: new Set(words.split(' ')) }))

/** Scripts, or letters of one, that a single language is written in. The first that more than half of the letters are in counts. */
const SCRIPTS: readonly [code: string, sample: RegExp, sign?: RegExp][] = [
  ['ja', /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]/gu, /[\p{sc=Hiragana}\p{sc=Katakana}]/u],
  ['zh', /\p{sc=Han}/gu],
  ['ko', /\p{sc=Hangul}/gu],
  ['el', /\p{sc=Greek}/gu],
  ['he', /\p{sc=Hebrew}/gu],
  ['th', /\p{sc=Thai}/gu],
  ['uk', /\p{sc=Cyrillic}/gu, /[іїєґ]/i],
  ['ru', /\p{sc=Cyrillic}/gu, /[ыэё]/i],
  ['ar', /\p{sc=Arabic}/gu, /[ةىإأ]|ال/u],
]
const SAMPLE_CHARACTERS = 4_000

/**
 * The ISO 639-1 code of a text's language: by its script; else that whose commonest words it has most of, three at least and
 * more than of any other.
 */
export function languageOf(text: string): string | undefined {
  const sample = text.slice(0, SAMPLE_CHARACTERS)
  const letters = sample.match(/\p{L}/gu)?.length ?? 0
  if (/[^\p{sc=Latin}\P{L}]/u.test(sample)) {
    for (const [code, script, sign] of SCRIPTS) {
      const count = sample.match(script)?.length ?? 0
      if (count > 2 && count * 2 > letters && (!sign || sign.test(sample))) return code
    }
  }
  const spoken = rawWords(sample)
  const counts = LANGUAGES.map(({ code, words }) => ({ code, count: spoken.filter((word) => words.has(word)).length }))
  const [first, second] = counts.toSorted((a, b) => b.count - a.count)
  return first && first.count >= 3 && first.count > (second?.count ?? 0) ? first.code : undefined
}

/** Whether a word is among the commonest of any language. */
export function isCommon(word: string): boolean {
  return LANGUAGES.some(({ words }) => words.has(word))
}
