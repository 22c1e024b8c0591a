import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { LockFile, WRITE } from '../../src/log/file/lock-file.ts'
import { DataDirectory, PartitionRecords } from '../../src/log/index.ts'
import { makeFifo } from '../helpers/fifo.ts'
import { readTopic, readValues } from '../helpers/read-topic.ts'
import { childEnvironment, loglady, logladyInShell, runLoglady, startLoglady } from '../helpers/run-loglady.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

function newDirectory(): string {
  return join(temporaryFolder(), 'data')
}

async function until<T>(what: () => T | undefined | false): Promise<T> {
  for (;;) {
    const result = what()
    if (result !== undefined && result !== false) return result
    await sleep(5)
  }
}

/** The values as far as they are there; none while the topic is being made. */
function valuesSoFar(dir: string): (string | null)[] {
  try {
    return readValues(dir)
  } catch {
    return []
  }
}

/** An append whose stdin stays open, once its first line can be read. (In an object: the child itself is a promise.) */
async function started(dir: string, flags: string[], line = 'first') {
  const child = startLoglady(['append', '-q', ...flags], { dir })
  child.stdin.write(`${line}\n`)
  await until(() => valuesSoFar(dir).length > 0)
  return { child }
}

/** Bytes of the partition's first segment, 0 while there is none. */
function bytesSoFar(dir: string): number {
  return statSync(join(dir, 'default-0', '00000000000000000000.log'), { throwIfNoEntry: false })?.size ?? 0
}

test('any bytes come back as they went in, in every framing', async () => {
  const dir = newDirectory()
  const random = randomBytes(300_000)
  const nulSeparated = Buffer.concat([random, Buffer.from([0])])
  const cases: [string, string[], Buffer, (values: Buffer[]) => Buffer][] = [
    ['lines', [], Buffer.concat([random, Buffer.from('\n')]), values => join2(values, '\n')],
    ['nul', ['-0'], nulSeparated, values => join2(values, '\0')],
    [
      'many',
      ['-D', '\\x00\\x01'],
      random,
      values => Buffer.from(values.map(v => v.toString('latin1')).join('\0\x01'), 'latin1'),
    ],
    ['whole', ['--framing', 'whole'], random, values => values[0]!],
    ['u32be', ['--framing', 'u32be'], prefixed(random, 1000, uint32), values => prefixedAll(values, uint32)],
    ['varint', ['--framing', 'varint'], prefixed(random, 1000, varint), values => prefixedAll(values, varint)],
  ]
  for (const [topic, flags, input, joined] of cases) {
    await loglady(['append', topic, '-q', ...flags], { dir, input })
    const values = readTopic(dir, topic).map(({ value }) => value!)
    expect(joined(values).equals(input), topic).toBe(true)
  }
})

function join2(values: Buffer[], delimiter: string): Buffer {
  return Buffer.concat(values.flatMap(value => [value, Buffer.from(delimiter)]))
}

function prefixed(bytes: Buffer, most: number, encode: (length: number) => Buffer): Buffer {
  const values: Buffer[] = []
  for (let at = 0; at < bytes.length; at += most)
    values.push(bytes.subarray(at, at + (bytes[at]! % 7 === 0 ? 0 : most)))
  return prefixedAll(values, encode)
}

function prefixedAll(values: Buffer[], encode: (length: number) => Buffer): Buffer {
  return Buffer.concat(values.flatMap(value => [encode(value.length), value]))
}

function uint32(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return bytes
}

function varint(length: number): Buffer {
  return length < 128 ? Buffer.from([length]) : Buffer.from([(length % 128) + 128, Math.floor(length / 128)])
}

test('one line of 900 KB', async () => {
  const dir = newDirectory()
  const line = randomBytes(450_000).toString('hex')
  await loglady(['append', '-q'], { dir, input: `a\n${line}\nb` })
  expect(readValues(dir)).toEqual(['a', line, 'b'])
})

test('stdin can be a file, closed, /dev/null, or a FIFO given as FILE', async () => {
  const dir = newDirectory()
  const file = join(temporaryFolder(), 'input')
  writeFileSync(file, 'from a file\n')
  await loglady(['append', '-q'], { dir, inputFile: file })
  await loglady(['append', '-q'], { dir, inputFile: '/dev/null' })
  execFileSync('sh', ['-c', `${logladyInShell} append -q <&-`], { env: childEnvironment({ LOGLADY_DIR: dir }) })
  const fifo = makeFifo()
  const child = startLoglady(['append', 'default', fifo.path, '-q'], { dir })
  await sleep(100)
  const writer = fifo.openWriter()
  writer.write('from a ')
  await sleep(20)
  writer.write('FIFO')
  writer.close()
  expect(await child).toMatchObject({ exitCode: 0 })
  expect(readValues(dir)).toEqual(['from a file', 'from a FIFO'])
})

test('stdin can be a socket', async () => {
  const dir = newDirectory()
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = createConnection(port, '127.0.0.1')
  const [socket] = await accepted
  // Given to the child by its descriptor, which Node made non-blocking.
  const child = startLoglady(['append', '-q'], { dir, execa: { stdin: socket } })
  client.write('over a ')
  await sleep(300)
  client.end('socket\n')
  expect(await child).toMatchObject({ exitCode: 0 })
  socket.destroy()
  server.close()
  expect(readValues(dir)).toEqual(['over a socket'])
})

test('a stdin that somebody made non-blocking is waited for like any other', async () => {
  const dir = newDirectory()
  const fifo = makeFifo()
  // O_NONBLOCK belongs to the open file that parent and child share.
  const reader = openSync(fifo.path, 'r+')
  const nonBlocking = openSync(`/proc/self/fd/${reader}`, 0o4000)
  const child = spawn('sh', ['-c', `exec ${logladyInShell} append -q`], {
    stdio: [nonBlocking, 'inherit', 'inherit'],
    env: childEnvironment({ LOGLADY_DIR: dir }),
  })
  const ended = once(child, 'exit')
  await sleep(300)
  writeSync(reader, 'one\n')
  await until(() => valuesSoFar(dir).length === 1)
  writeSync(reader, 'two')
  closeSync(reader)
  closeSync(nonBlocking)
  expect(await ended).toEqual([0, null])
  expect(readValues(dir)).toEqual(['one', 'two'])
})

test('stdin can be a terminal: a line at a time, Ctrl-D ends it', async () => {
  const dir = newDirectory()
  const script = spawn('script', ['-qec', `${logladyInShell} append`, '/dev/null'], {
    env: childEnvironment({ LOGLADY_DIR: dir, TERM: 'dumb' }),
  })
  let screen = ''
  script.stdout.on('data', chunk => {
    screen += chunk
  })
  await until(() => screen.includes('Ctrl-D ends the input'))
  script.stdin.write('typed\n')
  await until(() => valuesSoFar(dir).length === 1)
  script.stdin.write('more\n\x04')
  await once(script, 'exit')
  expect(readValues(dir)).toEqual(['typed', 'more'])
  expect(screen).toMatch(/appended 2 records \(11 B\) to default {2}partition 0: 0\.\.1 {2}synced/)
})

test.each([
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s: what was read and what the pipe holds is written and synced, then exit %i',
  async (signal, exitCode) => {
    const dir = newDirectory()
    const child = startLoglady(['append', '-q', '--linger', '1h', '--ack', 'each'], { dir })
    const acks: string[] = []
    child.stdout.on('data', chunk => acks.push(...`${chunk}`.trim().split('\n')))
    await until(() => handlesSignals(child.pid!))
    child.stdin.write('read long ago\n')
    await sleep(100)
    const lines = Array.from({ length: 2000 }, (_, n) => `line ${n} in the pipe`)
    child.stdin.write(`${lines.join('\n')}\nunfinished`)
    child.kill(signal)
    expect(await child).toMatchObject({ exitCode })
    const values = readValues(dir)
    expect(values.slice(0, 1)).toEqual(['read long ago'])
    expect(values.slice(1)).toEqual([...lines, 'unfinished'])
    const acked = acks.map(ack => JSON.parse(ack) as { records: number; synced: boolean })
    expect(acked.reduce((sum, { records }) => sum + records, 0)).toBe(values.length)
    for (const { synced } of acked) expect(synced).toBe(true)
  },
)

/** Node itself handles SIGINT and SIGTERM from its start on, but not SIGHUP (bit 0). */
function handlesSignals(pid: number): boolean {
  const caught = /SigCgt:\s*([0-9a-f]+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  return (BigInt(`0x${caught}`) & 1n) === 1n
}

test('a second signal drops the rest of the pipe, but nothing that was read', async () => {
  const dir = newDirectory()
  const { child } = await started(dir, ['--linger', '0'])
  // While the test holds the write lock, the append waits in a write and reads nothing more.
  const lock = LockFile.open(join(dir, 'default-0', '.lock'))
  await lock.lock(WRITE, 'exclusive')
  child.stdin.write('read\n')
  await sleep(200)
  child.stdin.write('read too, into the buffer\n')
  await sleep(200)
  child.stdin.write('in the pipe\n')
  child.kill('SIGINT')
  await sleep(100)
  child.kill('SIGINT')
  await sleep(100)
  lock.close()
  expect(await child).toMatchObject({ exitCode: 130 })
  expect(readValues(dir)).toEqual(['first', 'read', 'read too, into the buffer'])
})

test('SIGINT does not wait for a producer that goes on and on', async () => {
  const dir = newDirectory()
  const producer = spawn('yes', ['the same line again'], { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(() => void producer.kill())
  const child = startLoglady(['append', '-q', '--sync', 'never'], { dir, execa: { stdin: producer.stdout } })
  await until(() => bytesSoFar(dir) > 1_000_000)
  child.kill('SIGINT')
  expect(await child).toMatchObject({ exitCode: 130 })
  const directory = DataDirectory.open(dir)
  const records = new PartitionRecords(directory.partition('default', 0).reader({ from: 0 }))
  const end = directory.partition('default', 0).logEndOffset()
  let whole = 0
  while (records.next()) if (records.record.value()?.toString() === 'the same line again') whole++
  // The signal may have cut the last one.
  expect(whole).toBeGreaterThanOrEqual(end - 1)
  records.close()
})

test('a bad record ends the append at once, though its producer is silent and keeps the pipe open', async () => {
  const dir = newDirectory()
  const { child } = await started(dir, ['-J'], '{"value":"v"}')
  child.stdin.write('{"value":\n')
  expect(await child).toMatchObject({ exitCode: 2 })
  expect(readValues(dir)).toEqual(['v'])
})

test('a slow input is readable after its linger, long before its end', async () => {
  const dir = newDirectory()
  const { child } = await started(dir, [], 'a\nb')
  await until(() => valuesSoFar(dir).length === 2)
  child.stdin.write('c\nunfinished')
  await until(() => valuesSoFar(dir).length === 3)
  child.stdin.end(' line\n')
  await child
  expect(readValues(dir)).toEqual(['a', 'b', 'c', 'unfinished line'])
})

test('with the policy end, what lies unsynced is synced and acknowledged within about a second, while input is awaited', async () => {
  const dir = newDirectory()
  const { child } = await started(dir, ['--ack', 'each'])
  const [chunk] = await once(child.stdout, 'data')
  expect(JSON.parse(`${chunk}`)).toMatchObject({ baseOffset: 0, lastOffset: 0, synced: true })
  child.stdin.end()
  expect(await child).toMatchObject({ exitCode: 0 })
})

test('a reader of acks that leaves does not stop the append', async () => {
  const dir = newDirectory()
  const lines = Array.from({ length: 200 }, (_, n) => `line ${n}`)
  const feed = lines.map(line => `echo ${line}; sleep 0.005`).join('; ')
  const command = `(${feed}) | { ${logladyInShell} append -q --linger 0 --sync batch --ack each; echo $? >&2; } | head -n 1`
  const shell = spawn('sh', ['-c', command], { env: childEnvironment({ LOGLADY_DIR: dir }) })
  let status = ''
  shell.stderr.on('data', chunk => {
    status += chunk
  })
  await once(shell, 'close')
  expect(status).toBe('0\n')
  expect(readValues(dir)).toEqual(lines)
})

test('a reader of acks that is slow gets them all', async () => {
  const dir = newDirectory()
  const child = startLoglady(['append', '-q', '--linger', '0', '--ack', 'each', '--max-message-bytes', '200'], { dir })
  child.stdin.end('a line of some forty bytes, more or less\n'.repeat(20_000))
  // 70 bytes an ack, two records each: a megabyte, of which a pipe holds 64 KiB.
  await sleep(500)
  let text = ''
  for await (const chunk of child.stdout) {
    text += chunk
    if (text.length < 300_000) await sleep(2)
  }
  expect(await child).toMatchObject({ exitCode: 0 })
  let next = 0
  for (const line of text.trimEnd().split('\n')) {
    const { baseOffset, lastOffset } = JSON.parse(line)
    expect(baseOffset).toBe(next)
    next = lastOffset + 1
  }
  expect(next).toBe(20_000)
})

test('memory stays below 150 MB for an input of 300 MB, from a pipe and from a file', async () => {
  const dir = newDirectory()
  const line = 'x'.repeat(99)
  const file = join(temporaryFolder(), 'input')
  execFileSync('sh', ['-c', `yes ${line} | head -c 300000000 > ${file}`])
  const child = startLoglady(['append', 'file', file, '-q', '--sync', 'never'], { dir })
  const peak = await peakMemory(child.pid!, child)
  expect(peak).toBeLessThan(150_000)
  const cat = spawn('cat', [file], { stdio: ['ignore', 'pipe', 'ignore'] })
  const piped = startLoglady(['append', 'pipe', '-q', '--sync', 'never'], { dir, execa: { stdin: cat.stdout } })
  expect(await peakMemory(piped.pid!, piped)).toBeLessThan(150_000)
})

/** The largest resident size in KB that a process had, asked until it ends. */
async function peakMemory(pid: number, ended: PromiseLike<{ exitCode?: number | undefined }>): Promise<number> {
  let peak = 0
  let isOver = false
  const result = Promise.resolve(ended).then(result => {
    isOver = true
    return result
  })
  while (!isOver) {
    try {
      peak = Math.max(peak, Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0))
    } catch {}
    await sleep(10)
  }
  expect((await result).exitCode).toBe(0)
  expect(peak).toBeGreaterThan(30_000)
  return peak
}

test('a while loop keeps its input: append of a file reads no stdin', async () => {
  const dir = newDirectory()
  const file = join(temporaryFolder(), 'input')
  writeFileSync(file, 'x\n')
  const loop = `printf 'a\\nb\\nc\\n' | while read name; do ${logladyInShell} append "$name" ${file} -q; done`
  execFileSync('sh', ['-c', loop], { env: childEnvironment({ LOGLADY_DIR: dir }) })
  expect(
    DataDirectory.open(dir)
      .topics()
      .map(({ name }) => name),
  ).toEqual(['a', 'b', 'c'])
})

test('two appends that make the same topic at the same moment both succeed', async () => {
  const dir = newDirectory()
  const appends = Array.from({ length: 4 }, (_, n) => runLoglady(['append', 't'], { dir, input: `${n}\n` }))
  for (const { exitCode, stderr } of await Promise.all(appends))
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
  expect(readValues(dir, 't').sort()).toEqual(['0', '1', '2', '3'])
})
