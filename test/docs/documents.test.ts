import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { anchors, checkout, codeBlocks, documents, links, readDocument } from '../helpers/documents.ts'
import { childEnvironment } from '../helpers/run-loglady.ts'
import { isAsShown, runInSession, shellCommands } from '../helpers/shell-session.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

/**
 * Every ```console block of a document is run, all of a document in one shell, in a new empty folder with TZ=UTC, and what
 * comes out (stdout and stderr) has to be what stands there. `…` stands for anything within a line, a line with nothing but
 * `…` for any lines. A command may only fail where the next one is `echo $?`.
 */
const withCommands = documents.filter(path => codeBlocks(readDocument(path)).some(isConsole))

function isConsole({ language }: { language: string }): boolean {
  return language === 'console'
}

test.each(withCommands)('the commands in %s print what it shows', async path => {
  const blocks = codeBlocks(readDocument(path)).filter(isConsole)
  const commands = blocks.flatMap(block => shellCommands(block.text))
  const results = await runInSession(
    temporaryFolder(),
    commands.map(({ command }) => command),
  )
  const shown: string[] = []
  const printed: string[] = []
  for (const [i, { command, expected }] of commands.entries()) {
    const { output, status } = results[i]!
    const mayFail = commands[i + 1]?.command === 'echo $?'
    shown.push(`$ ${command}\n${expected}`)
    const printedOrShown = isAsShown(output, expected) ? expected : output
    printed.push(`$ ${command}\n${printedOrShown}${status === 0 || mayFail ? '' : `(exit status ${status})\n`}`)
  }
  expect(printed.join('')).toBe(shown.join(''))
})

/** The only commands that are not run as they stand: `npm ci` would replace the installation that these tests run in. */
const setUpAndRun = 'npm ci && seq 3 | npx loglady append && npx loglady read'
const setUpAndTest = 'npm ci && npm test'
const installations = ['npm install -g .', 'npm pack && npm install -g ./loglady-*.tgz']

test('no block of a document is left out of the tests', () => {
  const unchecked = documents.flatMap(path =>
    codeBlocks(readDocument(path))
      .filter(({ language }) => !['console', 'js', 'text'].includes(language))
      .map(({ language, text }) => ({ language, text: text.trimEnd() })),
  )
  const lines = [setUpAndRun, setUpAndTest, ...installations]
  expect(unchecked).toEqual(lines.map(text => ({ language: 'sh', text })))
})

test('the line that sets up and runs loglady works, from behind its npm ci, which CI runs', async () => {
  const { stdout } = await execa('sh', ['-c', setUpAndRun.replace('npm ci && ', '')], {
    cwd: checkout,
    extendEnv: false,
    env: childEnvironment({ LOGLADY_DIR: join(temporaryFolder(), 'data') }),
  })
  expect(stdout).toBe('1\n2\n3')
})

test('CI runs the line that sets up and tests', () => {
  const steps = readFileSync(join(checkout, '.ci', 'run'), 'utf8')
  for (const step of setUpAndTest.split(' && ')) expect(steps).toMatch(new RegExp(`^${step}( |$)`, 'm'))
})

test('the README shows the example of the library as it is', () => {
  const shown = codeBlocks(readDocument('README.md')).filter(({ language }) => language === 'js')
  expect(shown.map(({ text }) => text)).toEqual([readFileSync(join(checkout, 'examples', 'library.mjs'), 'utf8')])
})

test('the index of decisions has all of them', () => {
  const decisions = documents.filter(path => /decisions\/\d/.test(path)).map(path => path.split('/').at(-1))
  expect(links(readDocument('docs/decisions/README.md')).map(({ target }) => target)).toEqual(decisions)
})

test('every link in a document leads to something', () => {
  for (const path of documents) {
    for (const { target } of links(readDocument(path)).filter(({ target }) => !/^https?:/.test(target))) {
      const [file, anchor] = target.split('#') as [string, string | undefined]
      const linked = file === '' ? path : join(dirname(path), file)
      expect(existsSync(join(checkout, linked)), `${path}: ${target}`).toBe(true)
      if (anchor !== undefined) expect(anchors(readDocument(linked)), `${path}: ${target}`).toContain(anchor)
    }
  }
})

test('every test that a document names by its title is in that file', () => {
  let count = 0
  for (const path of documents) {
    for (const { text, target } of links(readDocument(path)).filter(({ target }) => target.endsWith('.test.ts'))) {
      const isTitle = text.includes(' ')
      if (!isTitle) continue
      const tests = readFileSync(join(checkout, dirname(path), target), 'utf8').replaceAll("\\'", "'")
      expect(tests.includes(text), `${path}: "${text}" in ${target}`).toBe(true)
      count++
    }
  }
  expect(count).toBeGreaterThan(15)
})

test('every npm script and every flag that a document names exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'))
  const manifest = JSON.parse(readFileSync(join(checkout, 'oclif.manifest.json'), 'utf8'))
  const commands: { flags: Record<string, unknown> }[] = Object.values(manifest.commands)
  const flags = new Set(commands.flatMap(command => Object.keys(command.flags).map(name => `--${name}`)))
  for (const path of documents) {
    const text = readDocument(path)
    for (const [, name] of text.matchAll(/`npm run ([\w:-]+)/g)) expect(Object.keys(scripts), path).toContain(name)
    for (const [, flag] of text.matchAll(/`(?:loglady [^`\n]*?)?(--[a-z][a-z-]+)/g)) expect(flags, path).toContain(flag)
  }
})
