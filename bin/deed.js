#!/usr/bin/env node
// What `npx deed` starts: the sources in a checkout, what is compiled of them in an installed package. Older Nodes must be able
// to read this file: the machine's own may be one, and the npm package `node`, a dependency, then has the one to use.

import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const source = new URL('../src/main.ts', import.meta.url)
const main = existsSync(source) ? source : new URL('../dist/src/main.js', import.meta.url)
const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const needed = Number(engines.node.replace(/\D/g, ''))

if (Number.parseInt(process.versions.node, 10) >= needed) await import(main.href)
else runWith(findNode())

/** The program of the npm package; undefined when it was installed without its script, which downloads it. */
function findNode() {
  const name = `node/bin/node${process.platform === 'win32' ? '.exe' : ''}`
  try {
    return createRequire(import.meta.url).resolve(name)
  } catch {
    return undefined
  }
}

/** @param {string | undefined} node */
function runWith(node) {
  if (node === undefined) {
    console.error(`error: deed needs Node ${needed} or newer, and this is ${process.version}`)
    console.error('hint: install one, or let npm run install scripts: the package "node" then brings one')
    process.exitCode = 1
    return
  }
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(name, () => {
      // A terminal sends its Ctrl-C to both, and a second one would end the child at once.
      if (name !== 'SIGINT' || !process.stdin.isTTY) child.kill(name)
    })
  }
  child.on('error', (error) => {
    console.error(`error: cannot run ${node}: ${error.message}`)
    process.exitCode = 1
  })
  // A signal's end as shells tell it.
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}
