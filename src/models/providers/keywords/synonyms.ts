import { stems } from './words.ts'

/** Other words by which people say what a field's name says, in the languages that names are not written in as well. */
const SAME = [
  'due deadline by before until latest bis vor spätestens avant jusqu antes hasta entro prima voor uiterlijk até före senast',
  'expire expiry valid until gültig valable',
  'start begin from since ab von seit depuis desde dal vanaf från',
  'end finish until to bis au hasta fino tot till',
  'deliver delivery arrive arrival lieferung liefern lieferdatum livraison entrega consegna levering leverans',
  'total sum overall gesamt gesamtbetrag summe totale totaal insgesamt',
  'shipping postage freight versand versandkosten envío spedizione verzending frakt',
  'wait waiting waited warten gewartet attendons attends attendu esperando espero aspetto wachten väntat',
  'close closed geschlossen abgeschlossen clôturé cerrado chiuso gesloten',
  'order bestellung auftrag commande pedido ordine bestelling encomenda beställning заказ заказу 注文',
  'invoice rechnung facture factura fattura factuur fatura faktura счёт 請求書',
  'refund erstatten erstattung rückerstattung remboursement rembourser reembolso reembolsar rimborso terugbetaling återbetalning',
].map(stems)

/** A stem, and those that say the same. */
export function synonymsOf(word: string): readonly string[] {
  return [word, ...SAME.flatMap((same) => (same.has(word) ? [...same] : []))]
}
