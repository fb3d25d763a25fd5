import { readFile } from 'node:fs/promises'
import { initWasm, Resvg } from '@resvg/resvg-wasm'
import { parse, type Spec, View } from 'vega'

/** Where the text of a plot has its font from: the machine may have none. */
const font = 'DejaVu Sans'
const fontFiles = [
  import.meta.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'),
  import.meta.resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf'),
]
const wasmFile = import.meta.resolve('@resvg/resvg-wasm/index_bg.wasm')

let ready: Promise<void> | undefined

/** Draws a plot, `scale` pixels for each of its own. */
export async function drawPng(spec: Spec, scale = 2): Promise<Buffer> {
  return svgToPng(await drawSvg(spec), scale)
}

async function drawSvg(spec: Spec): Promise<string> {
  const view = new View(parse(spec, { background: 'white' }), { renderer: 'none' })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}

async function svgToPng(svg: string, scale: number): Promise<Buffer> {
  ready ??= readFile(new URL(wasmFile)).then((wasm) => initWasm(wasm))
  const [fontBuffers] = await Promise.all([Promise.all(fontFiles.map((file) => readFile(new URL(file)))), ready])
  const options = {
    font: { fontBuffers, defaultFontFamily: font, sansSerifFamily: font },
    fitTo: { mode: 'zoom', value: scale },
  } as const
  const image = new Resvg(svg, options).render()
  return Buffer.from(image.asPng())
}
