import { readFile, readdir } from 'node:fs/promises'
import { fromJson, toBinary, toJson } from '@bufbuild/protobuf'
import { buildImage } from '/work/main/src/cli/build-image.ts'
import { readImage } from '/work/main/src/contracts/image.ts'
import { loadContracts } from '/work/main/src/contracts/method.ts'
import { decodeRequest, parseAnswer } from '/work/main/src/contracts/codec.ts'
import { keywords } from '/work/main/src/models/providers/keywords.ts'
const root='/work/main/examples/support'
const b = await buildImage(root, AbortSignal.timeout(20000))
if (b.kind!=='image') { console.log(b); process.exit(1) }
const [c] = loadContracts(readImage(b.bytes),()=>1)
for (const f of ['01-double-charge.json','06-office-order.json','09-missing-pallet.json']) {
  const {method:name, request:json} = JSON.parse(await readFile(root+'/inputs/'+f,'utf8'))
  const method = c!.methods.get(name)!
  const request = decodeRequest(method, toBinary(method.input, fromJson(method.input,json,{registry:method.registry})))
  let text=''
  const N=3000; const signal=new AbortController().signal
  for (const round of [1,2]) {
  const t2=performance.now()
  for(let i=0;i<N;i++) for await (const e of keywords({method, request} as any, signal)) if(e.kind==='text') text=e.text
  console.log(f,((performance.now()-t2)/N).toFixed(3)+' ms each')
  const t3=performance.now()
  for(let i=0;i<N;i++) parseAnswer(method,text)
  console.log('parse',((performance.now()-t3)/N).toFixed(3)+' ms each')
  }
}
