import { expect, test } from 'vitest'
import { runLoglady } from '../helpers/run-loglady.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

async function failing(...args: string[]) {
  const { exitCode, stdout, stderr } = await runLoglady(args, { cwd: temporaryFolder() })
  return { exitCode, stdout: stdout.toString(), lines: stderr.split('\n') }
}

test.each<[string[], string, string]>([
  [
    ['topics', 'offsets', 't', '--partitons', '0'],
    'loglady topics offsets: unknown flag --partitons',
    'hint: did you mean --partitions?',
  ],
  [
    ['topics', 'create', 't', '--partitons=3'],
    'loglady topics create: unknown flag --partitons',
    'hint: did you mean --partitions?',
  ],
  [['topics', '--zzzzz'], 'loglady topics: unknown flag --zzzzz', 'hint: see loglady topics --help'],
  [['topics', '-Z'], 'loglady topics: unknown flag -Z', 'hint: see loglady topics --help'],
  [['topcs'], 'loglady: topcs is no command', 'hint: did you mean loglady topics?'],
  [['produce', 't'], 'loglady: produce is no command', 'hint: loglady --help lists the commands'],
  [
    ['topics', 'descibe', 't'],
    'loglady: descibe is no command of topics',
    'hint: did you mean loglady topics describe?',
  ],
  [['topics', 'create'], 'loglady topics create: missing argument: TOPIC', 'hint: see loglady topics create --help'],
  [
    ['topics', 'create', 'a', 'b'],
    'loglady topics create: unexpected argument: b',
    'hint: see loglady topics create --help',
  ],
  [
    ['topics', 'create', 't', '--partitions'],
    'loglady topics create: --partitions expects a value',
    'hint: see loglady topics create --help',
  ],
  [
    ['topics', 'create', 't', '--partitions', '0'],
    'loglady topics create: --partitions: 0 is out of range, which is 1 to 100000',
    '',
  ],
  [['topics', 'create', 't', '--config', 'x'], 'loglady topics create: --config: "x" is no k=v', ''],
  [['topics', '--color=maybe'], 'loglady topics: --color: "maybe" is none of auto, always, never', ''],
  [['topics', '--json=yes'], '{"error":"LOGLADY_INVALID_ARGUMENT"', ''],
  [['-d', 'x', 'topics'], 'loglady: -d stands where a command is expected', 'hint: flags stand behind it'],
])('%j: exit 2 and one line', async (args, line, hint) => {
  const { exitCode, stdout, lines } = await failing(...args)
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  if (args.includes('--json=yes')) return
  expect(lines[0]).toBe(line)
  expect(lines[1]?.startsWith(hint)).toBe(true)
  expect(lines).toHaveLength(hint === '' ? 2 : 3)
})

test('a data directory that is not there: path first, and the hint says what to do', async () => {
  const { exitCode, lines } = await failing('topics', '-d', 'no/such')
  expect(exitCode).toBe(2)
  expect(lines).toEqual([
    'loglady topics: no/such: no such data directory',
    'hint: loglady append makes one; -d DIR or $LOGLADY_DIR names another',
    '',
  ])
})

test.each([
  [['topics', '-J', '-d', 'no/such'], 'loglady topics', { error: 'LOGLADY_NOT_FOUND', path: 'no/such' }],
  [['topics', '-J', '--nope'], 'loglady topics', { error: 'LOGLADY_INVALID_ARGUMENT', message: 'unknown flag --nope' }],
  [['topics', 'offsets', '-qJ'], 'loglady topics offsets', { message: 'missing argument: TOPIC' }],
  [['topcs', '--json'], 'loglady', { hint: 'did you mean loglady topics?' }],
])('%j: with -J the error is one line of JSON on stderr', async (args, command, expected) => {
  const { exitCode, stdout, lines } = await failing(...args)
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  expect(lines).toHaveLength(2)
  expect(JSON.parse(lines[0]!)).toMatchObject({ command, exitCode: 2, ...expected })
})

test('a stack is printed with --debug only', async () => {
  const quiet = await failing('topics', '-d', 'no/such')
  const debug = await failing('topics', '-d', 'no/such', '--debug')
  expect(quiet.lines.some(line => line.includes(' at '))).toBe(false)
  expect(debug.lines.some(line => /^ {4}at /.test(line))).toBe(true)
  expect(debug.lines.slice(0, 2)).toEqual(quiet.lines.slice(0, 2))
})

test('an argument that holds a newline does not make two lines of the error', async () => {
  const { lines } = await failing('topics', 'create', 'a\nb', '-q')
  expect(lines).toHaveLength(2)
  expect(lines[0]).toContain('a\\nb')
})

test('NODE_ENV=development and test of the user change nothing', async () => {
  for (const NODE_ENV of ['development', 'test']) {
    const { exitCode, stderr } = await runLoglady(['topics', '--nope'], { cwd: temporaryFolder(), env: { NODE_ENV } })
    expect(exitCode).toBe(2)
    expect(stderr).toBe('loglady topics: unknown flag --nope\nhint: see loglady topics --help\n')
  }
})
