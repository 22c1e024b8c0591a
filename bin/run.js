#!/usr/bin/env node
// Plain JavaScript that any Node can parse, and only dynamic imports: an old Node must get as far as the line below.
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const wanted = [22, 18]
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < wanted[0] || (major === wanted[0] && minor < wanted[1])) {
  process.stderr.write(
    `loglady: this is Node ${process.versions.node}, and loglady needs ${wanted.join('.')} or newer\n` +
      'hint: npx loglady uses the Node that the checkout brings along\n',
  )
  process.exitCode = 2
} else {
  const { crashed, main } = await import('../dist/cli/main.js')
  // Node's own exit code for a crash is 1, and that is our honest no: nothing matched, damage was found.
  process.once('uncaughtException', error => {
    crashed(error)
    process.exit(2)
  })
  // 13 is Node's for "nothing left to do, and main has not returned".
  process.once('exit', code => {
    if (code === 13) process.exitCode = 2
  })
  await main(dirname(dirname(fileURLToPath(import.meta.url))), process.argv.slice(2))
}
