import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { knowsPeakMemory, peakMemory } from '../helpers/peak-memory.ts'
import { shell } from '../helpers/piped-loglady.ts'
import { loglady, logladyInShell, nodeExecutable } from '../helpers/run-loglady.ts'
import { seed } from '../helpers/seed.ts'
import { smallRandom } from '../helpers/small-random.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const NEWLINE = Buffer.from('\n')
const random = smallRandom(seed)

/** `cat F | loglady append t FLAGS && loglady read t FLAGS`, with real pipes. */
async function roundTrip(file: string, flags = '', readFlags = flags): Promise<Buffer> {
  const folder = temporaryFolder()
  const out = join(folder, 'out')
  const line = `set -o pipefail; cat '${file}' | loglady append t ${flags} && loglady read t ${readFlags} > '${out}'`
  const { exitCode, stderr } = await shell(line, { dir: join(folder, 'data') })
  expect(stderr).toMatch(/^(loglady append: made .*\n)*$/)
  expect(exitCode).toBe(0)
  return readFileSync(out)
}

function fileOf(bytes: string | Buffer): string {
  const path = join(temporaryFolder(), 'input')
  writeFileSync(path, bytes)
  return path
}

/** A mismatch as a position, where a diff of megabytes would help nobody. */
function expectSame(found: Buffer, wanted: Buffer): void {
  if (found.equals(wanted)) return
  const at = wanted.findIndex((byte, i) => byte !== found[i])
  const around = (bytes: Buffer) => JSON.stringify(bytes.toString('latin1', Math.max(0, at - 20), at + 40))
  expect.fail(
    `${found.length} bytes for ${wanted.length}; at byte ${at}: ${around(found)} instead of ${around(wanted)}`,
  )
}

/** With the one delimiter that `read` adds behind a last record that had none. */
function terminated(bytes: Buffer, delimiter = NEWLINE): Buffer {
  const isWhole = bytes.length === 0 || bytes.subarray(-delimiter.length).equals(delimiter)
  return isWhole ? bytes : Buffer.concat([bytes, delimiter])
}

/** A list of packages that is always there. */
const lockFile = fileURLToPath(new URL('../../package-lock.json', import.meta.url))

/** Logs and package lists that this machine has, the larger ones first, as far as this user may read them. */
function machineFiles(): string[] {
  const folders = [
    '/var/log',
    '/var/lib/dpkg',
    '/var/lib/apt',
    '/lib/apk/db',
    '/var/lib/rpm',
    '/var/db/receipts',
    '/etc',
  ]
  const wanted =
    /\.(log|xz|gz|lz4|plist|conf)(\.\d+)?$|_InRelease$|\/(status|available|installed|services|syslog|messages)$/
  return folders
    .flatMap(folder => filesBelow(folder, 2))
    .filter(path => wanted.test(path))
    .map(path => ({ path, size: readableSize(path) }))
    .filter(({ size }) => size > 0 && size < 30_000_000)
    .sort((a, b) => b.size - a.size)
    .slice(0, 16)
    .map(({ path }) => path)
    .concat(lockFile)
}

function filesBelow(folder: string, levels: number): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
      const path = join(folder, entry.name)
      if (entry.isFile()) return [path]
      return entry.isDirectory() && levels > 1 ? filesBelow(path, levels - 1) : []
    })
  } catch {
    return [] // not there, or not for us
  }
}

function readableSize(path: string): number {
  try {
    accessSync(path, constants.R_OK)
    return statSync(path).size
  } catch {
    return -1
  }
}

describe("cat F | loglady append t && loglady read t, on the machine's own files", () => {
  test.for(machineFiles())('%s', async file => {
    // A copy: logs grow while they are read.
    const copy = fileOf(readFileSync(file))
    expectSame(await roundTrip(copy), terminated(readFileSync(copy)))
  })
})

const LINE_900_KB = Buffer.alloc(900 * 1024, 'loglady ')
const inputs: [string, string | Buffer][] = [
  ['one line of 900 KB', Buffer.concat([LINE_900_KB, NEWLINE])],
  ['one line of 900 KB without a newline', LINE_900_KB],
  ['900 KB between short lines', Buffer.concat([Buffer.from('a\n'), LINE_900_KB, Buffer.from('\nb\n')])],
  ['a file without a last newline', 'one\ntwo\nthree'],
  ['a single byte', 'x'],
  ['a single newline', '\n'],
  ['nothing but empty lines', '\n'.repeat(10_000)],
  ['empty lines between others', 'a\n\n\nb\n\n'],
  ['CRLF, lone CR and CR at the end', 'a\r\nb\r\n\r\nc\rd\n\r'],
  ['invalid UTF-8', Buffer.from('fffe0a80c0af0aeda0800af0908d0ac3280ac1bf0a', 'hex')],
  ['a byte order mark, NULs and escapes', '\uFEFFa\0b\n\0\0\n\x1b[31mred\x1b[0m\n\x07\n'],
  ['every byte there is', Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 7 + (i >> 8)) & 0xff))],
]

test.for(inputs)('%s comes back as it was', async ([, bytes]) => {
  expectSame(await roundTrip(fileOf(bytes)), terminated(Buffer.from(bytes)))
})

test('an empty file makes the topic', async () => {
  const dir = join(temporaryFolder(), 'data')
  const { exitCode, stdout } = await shell('cat /dev/null | loglady append t && loglady read t', { dir })
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' })
  expect(await loglady(['topics', 'list'], { dir })).toMatch(/\bt\b/)
})

function randomBytes(length: number, distinct = 256): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(distinct)))
}

test(`random binary goes through -0, -D and whole, dense with delimiters or not (seed ${seed})`, async () => {
  const NUL = Buffer.from('\0')
  for (const bytes of [randomBytes(3_000_000), randomBytes(300_000, 3), Buffer.concat([randomBytes(1000, 2), NUL])]) {
    const file = fileOf(bytes)
    expectSame(await roundTrip(file, '-0'), terminated(bytes, NUL))
    expectSame(await roundTrip(file, "-D '\\x00\\x01'"), terminated(bytes, Buffer.from([0, 1])))
  }
  const whole = randomBytes(1_000_000)
  expectSame(await roundTrip(fileOf(whole), '--framing whole'), whole)
})

function u32be(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return bytes
}

function leb128(length: number): Buffer {
  const bytes: number[] = []
  for (let rest = length; bytes.length === 0 || rest > 0; rest >>>= 7)
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
  return Buffer.from(bytes)
}

test.for([
  ['u32be', u32be],
  ['varint', leb128],
] as const)(`random binary goes through --framing %s (seed ${seed})`, async ([framing, prefix]) => {
  const lengths = [0, 1, 127, 128, 16_383, 16_384, 900_000, 0, ...Array.from({ length: 5000 }, () => random.below(400))]
  const bytes = Buffer.concat(lengths.flatMap(length => [prefix(length), randomBytes(length)]))
  expectSame(await roundTrip(fileOf(bytes), `--framing ${framing}`), bytes)
})

test.for(['gzip', 'snappy', 'lz4', 'zstd'])('a log comes back out of %s', async codec => {
  const bytes = Buffer.from(Array.from({ length: 30_000 }, (_, i) => `${i} GET /item/${(i * 31) % 977} 200\n`).join(''))
  expectSame(await roundTrip(fileOf(bytes), `--compression ${codec}`, ''), bytes)
})

const TOTAL_LINES = 10_000_000
const MOST_KB = 150_000
const generator = fileURLToPath(new URL('../helpers/hundred-byte-lines.process.ts', import.meta.url))
const hasher =
  "const hash = crypto.createHash('sha1'); process.stdin.on('data', bytes => hash.update(bytes)).on('end', () => console.log(hash.digest('hex')))"

/** What a command writes in front of its `exec`. */
function pidIn(file: string): number | undefined {
  return Number(existsSync(file) ? readFileSync(file, 'utf8') : '') || undefined
}

test('1 GB of 100-byte lines comes back, in less than 150 MB of memory each way', async () => {
  const folder = temporaryFolder()
  const measured = (name: string, command: string) =>
    `{ echo $BASHPID > '${folder}/${name}'; exec ${logladyInShell} ${command}; }`
  const line = [
    `set -o pipefail; '${nodeExecutable}' '${generator}' ${TOTAL_LINES} 2> '${folder}/hash' |`,
    `${measured('append', 'append t -q')} && ${measured('read', 'read t')} | '${nodeExecutable}' -e "${hasher}"`,
  ]
  const running = shell(line.join(' '), { dir: join(folder, 'data') })
  const over = new AbortController()
  const peaksAsked = ['append', 'read'].map(name => peakMemory(() => pidIn(join(folder, name)), over.signal))
  const { exitCode, stdout, stderr } = await running.finally(() => over.abort())
  const peaks = await Promise.all(peaksAsked)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout.trim()).toBe(readFileSync(join(folder, 'hash'), 'utf8'))
  process.stderr.write(`peak memory in MB: append ${peaks[0]! / 1000}, read ${peaks[1]! / 1000}\n`)
  for (const peak of knowsPeakMemory ? peaks : []) {
    expect(peak).toBeGreaterThan(20_000)
    expect(peak).toBeLessThan(MOST_KB)
  }
}, 300_000)
