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
  const { main } = await import('../dist/cli/main.js')
  await main(dirname(dirname(fileURLToPath(import.meta.url))), process.argv.slice(2))
}
