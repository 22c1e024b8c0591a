import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import {
  childEnvironment,
  loglady,
  logladyCommand,
  logladyInShell,
  runLoglady,
  startLoglady,
} from '../helpers/run-loglady.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const { version } = JSON.parse(readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8'))

// Then there is no Node to give options to.
const isInstalled = logladyCommand.length === 1

test('loglady alone prints a short help on stdout', async () => {
  const text = await loglady([])
  expect(text.split('\n')[0]).toBe("loglady: Kafka's commit log as a Unix tool")
  expect(text.split('\n').length).toBeLessThan(30)
  expect(text).toContain('loglady append events')
  expect(text).toMatch(/^ {2}topics +List the topics/m)
  expect(await loglady(['--help'])).toBe(text)
  expect(await loglady(['-h'])).toBe(text)
  expect(await loglady(['help'])).toBe(text)
})

test('loglady help COMMAND is loglady COMMAND --help', async () => {
  const text = await loglady(['topics', 'create', '--help'])
  expect(await loglady(['help', 'topics', 'create'])).toBe(text)
  expect(await loglady(['topics', 'create', '-h'])).toBe(text)
  expect(text).toContain('loglady topics create TOPIC [FLAGS]')
})

test('-V and --version, also behind a command and with arguments missing', async () => {
  for (const args of [['-V'], ['--version'], ['topics', '-V'], ['topics', 'create', '--version']]) {
    expect(await loglady(args)).toMatch(new RegExp(`^loglady ${version} \\(.*node v\\d.*\\)\\n$`))
  }
})

test('no colour and no escapes reach a pipe, but with --color=always', async () => {
  expect(await loglady(['topics', '--help'])).not.toContain('\u001b')
  expect(await loglady(['topics', '--help', '--color=always'])).toContain('\u001b[1m')
})

test('output larger than a pipe arrives whole at a reader that is slow to begin', async () => {
  const dir = directoryOfWideTopic()
  const whole = await loglady(['topics', 'describe', 'wide', '-J'], { dir })
  expect(whole.length).toBeGreaterThan(100_000)
  // A real pipe, 64 KiB: what Node makes for children is a pair of sockets, which holds more.
  const { exitCode, output } = await shell(`${logladyInShell} topics describe wide -J | (sleep 1; cat)`, dir)
  expect(exitCode).toBe(0)
  expect(output === whole).toBe(true)
})

test('a reader that leaves early: quiet, and exit 0', async () => {
  const dir = directoryOfWideTopic()
  for (const reader of ['head -1', 'head -c 70000', 'true']) {
    const { exitCode, output } = await shell(
      `${logladyInShell} topics describe wide -J | ${reader} >/dev/null; echo "\${PIPESTATUS[0]}"`,
      dir,
    )
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: '0\n' })
  }
})

test('a full disk behind stdout is exit 2 with one line', async () => {
  const dir = temporaryFolder()
  await loglady(['topics', 'create', 't', '-q'], { dir })
  const { output } = await shell(`${logladyInShell} topics >/dev/full; echo $?`, dir)
  expect(output).toBe('loglady topics: stdout: no space left on device (ENOSPC)\n2\n')
})

test('closed standard streams do no harm', async () => {
  const dir = temporaryFolder()
  await loglady(['topics', 'create', 't', '-q'], { dir })
  const { output } = await shell(
    `${logladyInShell} topics <&- >/dev/null; echo $?; ${logladyInShell} topics >&-; echo $?; ${logladyInShell} topics --nope 2>&-; echo $?`,
    dir,
  )
  expect(output).toBe('0\n0\n2\n')
})

test('a while-read loop keeps its input', async () => {
  const dir = temporaryFolder()
  const script = `printf 'a\\nb\\nc\\n' | while read topic; do ${logladyInShell} topics create "$topic" -q; done; ${logladyInShell} topics`
  const { output } = await shell(script, dir)
  expect(output).toBe('a\t1\t0\t0\t-\t-\nb\t1\t0\t0\t-\t-\nc\t1\t0\t0\t-\t-\n')
})

test('a killed command that has nothing to finish dies of the signal', async () => {
  const running = startLoglady(['topics', 'create', 'x'], { dir: temporaryFolder() })
  running.kill('SIGINT')
  expect((await running).signal).toBe('SIGINT')
})

test.skipIf(isInstalled)('an old Node gets a line instead of a syntax error', async () => {
  // What run.js sees of the version is all that can be faked without an old Node.
  const [node, run] = logladyCommand
  const preload = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"20.19.0"})'
  const child = spawn(node, ['--import', preload, run!], { env: childEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] })
  const { exitCode, output } = await outputOf(child)
  expect({ exitCode, output }).toEqual({
    exitCode: 2,
    output:
      'loglady: this is Node 20.19.0, and loglady needs 22.18 or newer\n' +
      'hint: npx loglady uses the Node that the checkout brings along\n',
  })
})

test.skipIf(isInstalled).each([
  // What nobody catches, and what nobody finishes: a write whose end is never told.
  ['setImmediate(()=>{throw new Error("boom")})', /^loglady: internal error: boom\nhint: .*\nError: boom\n {4}at /],
  ['0', /unsettled top-level await/],
])('a crash (%s) is exit 2, not the 1 of an honest no', async (code, message) => {
  const preload = `data:text/javascript,${encodeURIComponent(`process.stdout.write = () => { ${code} }`)}`
  const [node, run] = logladyCommand
  const child = spawn(node, ['--import', preload, run!, '-V'], {
    env: childEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { exitCode, output } = await outputOf(child)
  expect(output).toMatch(message)
  expect(exitCode).toBe(2)
})

test('the directory is -d, else $LOGLADY_DIR, else ./loglady-data', async () => {
  const cwd = temporaryFolder()
  await loglady(['topics', 'create', 'here', '-q'], { cwd })
  await loglady(['topics', 'create', 'there', '-q'], { cwd, dir: 'other' })
  await loglady(['topics', 'create', 'elsewhere', '-q', '-d', 'third'], { cwd, dir: 'other' })
  const names = async (args: string[], dir?: string) =>
    (await loglady(['topics', ...args], { cwd, dir })).split('\t')[0]
  expect(await names([])).toBe('here')
  expect(await names(['--dir=loglady-data'], 'other')).toBe('here')
  expect(await names([], 'other')).toBe('there')
  expect(await names(['-d', 'third'], 'other')).toBe('elsewhere')
})

test('notes go to stderr, not with -q, and as JSON with -J', async () => {
  const dir = temporaryFolder()
  const loud = await runLoglady(['topics', 'create', 'a', '--config', 'retention.ms=1'], { dir })
  expect(loud.stdout.toString()).toBe('')
  expect(loud.stderr).toBe(
    'loglady topics create: made topic a with 1 partition\nloglady topics create: retention.ms=1: kept for a broker\n',
  )
  const quiet = await runLoglady(['topics', 'create', 'b', '-q'], { dir })
  expect([quiet.stdout.toString(), quiet.stderr]).toEqual(['', ''])
  const json = await runLoglady(['topics', '-J'], { dir: `${dir}/none` })
  expect(JSON.parse(json.stderr)).toMatchObject({ error: 'LOGLADY_NOT_FOUND' })
})

/** A topic whose description is longer than a pipe holds, made as a broker would: through loglady it is 9000 fsyncs. */
function directoryOfWideTopic(): string {
  const dir = temporaryFolder()
  for (let partition = 0; partition < 1500; partition++) {
    mkdirSync(join(dir, `wide-${partition}`))
    writeFileSync(join(dir, `wide-${partition}`, '00000000000000000000.log'), '')
  }
  return dir
}

async function shell(script: string, dir: string) {
  const child = spawn('bash', ['-c', script], {
    env: childEnvironment({ LOGLADY_DIR: dir }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return outputOf(child)
}

async function outputOf(child: ReturnType<typeof spawn>) {
  const chunks: Buffer[] = []
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', chunk => chunks.push(chunk))
  const [exitCode] = await once(child, 'close')
  return { exitCode: exitCode as number, output: Buffer.concat(chunks).toString() }
}
