import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { DataDirectory } from '../../src/log/index.ts'
import { appendRecords } from '../helpers/append-records.ts'
import { eventually } from '../helpers/eventually.ts'
import { type PipedLoglady, pipeInto, shell } from '../helpers/piped-loglady.ts'
import { loglady, runLoglady } from '../helpers/run-loglady.ts'
import { sharedTemporaryFolder, temporaryFolder } from '../helpers/temporary-folder.ts'

const start = 1_700_000_000_000
const dir = join(sharedTemporaryFolder(), 'data')
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash's
const statuses = 'echo "${PIPESTATUS[@]}"'

beforeAll(async () => {
  await appendRecords(
    dir,
    'numbers',
    Array.from({ length: 20 }, (_, i) => ({ value: `v${i}`, timestamp: start + i })),
  )
  await appendRecords(
    dir,
    'spread',
    Array.from({ length: 30 }, (_, i) => ({ value: `${i}`, partition: i % 3, timestamp: start + i })),
    { partitions: 3 },
  )
})

function newDirectory(): string {
  return join(temporaryFolder(), 'data')
}

function append(dataDirectory: string, topic: string, ...values: string[]): Promise<void> {
  return appendRecords(
    dataDirectory,
    topic,
    values.map(value => ({ value })),
  )
}

/** A following tail, from the moment when it has printed what was there. */
async function following(
  dataDirectory: string,
  args: string[],
  { reader = 'cat', shown }: { reader?: string; shown: string },
): Promise<PipedLoglady> {
  const tail = pipeInto(reader, ['tail', ...args], { dir: dataDirectory })
  await eventually(() => tail.stdout() === shown)
  return tail
}

function tail(...args: string[]): Promise<string> {
  return loglady(['tail', ...args], { dir })
}

function values(from: number, until: number): string {
  return Array.from({ length: until - from }, (_, i) => `v${from + i}\n`).join('')
}

describe('how many', () => {
  test('ten, or as many as -n says', async () => {
    expect(await tail('numbers')).toBe(values(10, 20))
    expect(await tail('-n', '3', 'numbers')).toBe(values(17, 20))
    expect(await tail('-n3', 'numbers')).toBe(values(17, 20))
    expect(await tail('-n', '0', 'numbers')).toBe('')
    expect(await tail('-n', 'all', 'numbers')).toBe(values(0, 20))
    expect(await tail('-n', '99', 'numbers')).toBe(values(0, 20))
  })

  test('from the Nth on', async () => {
    expect(await tail('-n', '+18', 'numbers')).toBe(values(17, 20))
    expect(await tail('-n', '+1', 'numbers')).toBe(values(0, 20))
    expect(await tail('-n', '+21', 'numbers')).toBe('')
    expect(await tail('-n', '+28', 'spread')).toBe('27\n28\n29\n')
    expect(await tail('-n', '+3', '-g', '1', 'numbers')).toBe(values(11, 20))
  })

  test('of all partitions together, and of what is selected', async () => {
    expect(await tail('-n', '4', 'spread')).toBe('26\n27\n28\n29\n')
    expect(await tail('-n', '2', 'spread/1')).toBe('25\n28\n')
    expect(await tail('-n', '2', '-g', '^.$', 'spread')).toBe('8\n9\n')
    expect(await tail('-n', '2', '-U', String(start + 5), 'spread')).toBe('3\n4\n')
    expect(await tail('-n', '4', '-c', '3', 'spread')).toBe('26\n27\n28\n')
  })

  test('wrong use is exit 2', async () => {
    for (const args of [['-n', 'x'], ['-n', '1.5'], ['nothing'], ['-f', '%o %v\\n'], ['numbers/9'], ['-o', '-5']]) {
      const { exitCode, stdout } = await runLoglady(['tail', ...args], { dir })
      expect([args, exitCode, stdout.toString()]).toEqual([args, 2, ''])
    }
    const { stderr } = await runLoglady(['tail', '-f', '%o %v\\n'], { dir })
    expect(stderr).toContain("hint: -f follows here; a format is --format '%o %v\\n'")
  })
})

describe('several topics', () => {
  test('have headers wherever the source changes', async () => {
    expect(await tail('-n', '2', 'numbers', 'spread/0')).toBe(
      '==> numbers/0 <==\nv18\nv19\n\n==> spread/0 <==\n24\n27\n',
    )
    expect(await tail('-n', '2', 'spread', 'numbers')).toBe(
      '==> spread/1 <==\n28\n\n==> spread/2 <==\n29\n\n==> numbers/0 <==\nv18\nv19\n',
    )
  })

  test('have none with -q, and none in JSON', async () => {
    expect(await tail('-q', '-n', '1', 'numbers', 'spread')).toBe('v19\n29\n')
    expect(await tail('-J', '-n', '1', 'numbers', 'spread')).not.toContain('==>')
  })

  test('are followed together', async () => {
    const folder = newDirectory()
    await append(folder, 'a', 'a1')
    await append(folder, 'b', 'b1')
    const both = '==> a/0 <==\na1\n\n==> b/0 <==\nb1\n'
    const { stdout } = await following(folder, ['-f', 'a', 'b'], { shown: both })
    await append(folder, 'b', 'b2')
    await eventually(() => stdout() === `${both}b2\n`)
    await append(folder, 'a', 'a2')
    await eventually(() => stdout() === `${both}b2\n\n==> a/0 <==\na2\n`)
  })
})

describe('following', () => {
  test('ends at once when its reader leaves, also when nothing more comes', async () => {
    const { stdout, stderr } = await shell(`loglady tail -f numbers | head -1; ${statuses}`, { dir })
    expect([stdout, stderr]).toEqual(['v10\n0 0\n', ''])
  })

  test('prints new records soon, whoever appends them', async () => {
    const folder = newDirectory()
    await append(folder, 't', 'old')
    const { stdout, child, ended } = await following(folder, ['-f', '-n', '1', 't'], { shown: 'old\n' })
    const delays: number[] = []
    for (let i = 0; i < 5; i++) {
      const from = performance.now()
      await append(folder, 't', `new ${i}`)
      await eventually(() => stdout().endsWith(`new ${i}\n`))
      delays.push(performance.now() - from)
    }
    // Notification, not the poll of one second behind it.
    expect(delays.sort((a, b) => a - b)[2]).toBeLessThan(500)
    child.kill('SIGTERM')
    expect(await ended).toBe(143)
    expect(stdout()).toBe('old\nnew 0\nnew 1\nnew 2\nnew 3\nnew 4\n')
  })

  test('shows exactly the log, across rolls and several writers', async () => {
    const folder = newDirectory()
    await appendRecords(folder, 't', [], { config: { 'internal.segment.bytes': '5000' } })
    const args = ['-f', '-n', 'all', 't', '-c', '6000']
    const follower = pipeInto('cat', ['tail', ...args], { dir: folder })
    const writers = ['a', 'b', 'c'].map(name =>
      shell(`for i in 1 2 3 4; do seq -f '${name}%g' 500 | loglady append t -q --linger 0; done`, { dir: folder }),
    )
    await Promise.all(writers)
    expect(await follower.ended).toBe(0)
    expect(follower.stdout()).toBe(await loglady(['read', 't'], { dir: folder }))
    expect(readdirSync(join(folder, 't-0')).filter(name => name.endsWith('.log')).length).toBeGreaterThan(10)
  })

  test('takes in partitions that the topic gets later', async () => {
    const folder = newDirectory()
    await append(folder, 't', 'one')
    const { stdout } = await following(folder, ['-f', 't'], { shown: 'one\n' })
    await loglady(['topics', 'alter', 't', '--partitions', '2', '-q'], { dir: folder })
    await appendRecords(folder, 't', [{ value: 'two', partition: 1 }])
    await eventually(() => stdout() === 'one\ntwo\n')
  })

  test('ends after -c records', async () => {
    const folder = newDirectory()
    await append(folder, 't', 'one')
    const { ended, stdout } = await following(folder, ['-f', '-c', '2', 't'], { shown: 'one\n' })
    await append(folder, 't', 'two', 'three')
    expect(await ended).toBe(0)
    expect(stdout()).toBe('one\ntwo\n')
  })

  test('keeps the records of an aborted transaction back', async () => {
    const golden = join(import.meta.dirname, '../fixtures/kafka-golden/broker/transactions/log-dir')
    const tailed = await loglady(['tail', '-n', '20', '-J', '--isolation', 'read_committed', 'txn/0'], { dir: golden })
    const read = await loglady(['read', '-J', '--isolation', 'read_committed', 'txn/0'], { dir: golden })
    expect(tailed.split('\n')).toEqual(read.split('\n').slice(-21))
  })
})

describe('what becomes of the log', () => {
  const smallSegments = { 'internal.segment.bytes': '2000' }

  /** Stops the process while something happens behind its back. */
  async function whileStopped({ pid }: PipedLoglady, what: () => Promise<void> | void): Promise<void> {
    process.kill(pid, 'SIGSTOP')
    await what()
    process.kill(pid, 'SIGCONT')
  }

  test('retention that overtakes it is told once, and it goes on and ends with 3', async () => {
    const folder = newDirectory()
    await appendRecords(folder, 't', [{ value: 'first' }], { config: smallSegments })
    const args = ['-f', '-n', '1', '-c', '40', '--format', '%o\\n', 't']
    const follower = await following(folder, args, { shown: '0\n' })
    let kept = 0
    await whileStopped(follower, async () => {
      for (let i = 0; i < 30; i++) await append(folder, 't', 'x'.repeat(500))
      const logs = readdirSync(join(folder, 't-0'))
        .filter(name => name.endsWith('.log'))
        .sort()
      expect(logs.length).toBeGreaterThan(5)
      kept = Number.parseInt(logs[4]!, 10)
      // The one that it has open is read to its end; what follows is gone.
      for (const name of readdirSync(join(folder, 't-0'))) {
        if (/^\d/.test(name) && Number.parseInt(name, 10) < kept) rmSync(join(folder, 't-0', name))
      }
    })
    await eventually(() => follower.stdout().endsWith('\n30\n'))
    for (let i = 0; i < 40; i++) await append(folder, 't', 'y')
    expect(await follower.ended).toBe(3)
    const offsets = follower.stdout().trim().split('\n').map(Number)
    const gap = offsets.findIndex((offset, i) => i > 0 && offset !== offsets[i - 1]! + 1)
    expect(offsets[gap]).toBe(kept)
    expect(follower.stderr()).toContain(
      `t/0: offsets ${offsets[gap - 1]! + 1}..${kept - 1} were removed before they were read`,
    )
    expect(follower.stderr().match(/were removed/g)!.length).toBe(1)
  })

  async function remake(folder: string, ...newValues: string[]): Promise<void> {
    const directory = DataDirectory.open(folder)
    await directory.deleteTopic('t')
    directory.close()
    await append(folder, 't', ...newValues)
  }

  test('a topic that is made anew ends -f with 3 and both offsets', async () => {
    const folder = newDirectory()
    await append(folder, 't', 'a', 'b', 'c')
    const follower = await following(folder, ['-f', 't'], { shown: 'a\nb\nc\n' })
    await whileStopped(follower, () => remake(folder, 'd', 'e', 'f', 'g', 'h'))
    expect(await follower.ended).toBe(3)
    expect(follower.stdout()).toBe('a\nb\nc\n')
    expect(follower.stderr()).toMatch(/made anew; offset 3 .*the log ends at offset 5 now/)
  })

  test('-F goes on with the new one', async () => {
    const folder = newDirectory()
    await append(folder, 't', 'a', 'b', 'c')
    const { stderr, stdout, child, ended } = await following(folder, ['-F', 't'], { shown: 'a\nb\nc\n' })
    await remake(folder, 'd', 'e')
    await eventually(() => stdout() === 'a\nb\nc\nd\ne\n')
    await append(folder, 't', 'f')
    await eventually(() => stdout() === 'a\nb\nc\nd\ne\nf\n')
    expect(stderr()).toContain('offset 3')
    child.kill('SIGINT')
    expect(await ended).toBe(130)
  })

  test('a deleted topic ends -f with 3; -F waits for the next one', async () => {
    const folder = newDirectory()
    await append(folder, 't', 'a')
    await append(folder, 'other', 'o')
    const f = await following(folder, ['-f', 't'], { shown: 'a\n' })
    const retrying = await following(folder, ['-F', 't'], { shown: 'a\n' })
    const directory = DataDirectory.open(folder)
    await directory.deleteTopic('t')
    directory.close()
    expect(await f.ended).toBe(3)
    await sleep(300)
    await append(folder, 't', 'b')
    await eventually(() => retrying.stdout() === 'a\nb\n')
  })

  test('-F waits for a topic, and for the directory too', async () => {
    const folder = newDirectory()
    const { stdout, stderr } = await following(folder, ['-F', 't'], { shown: '' })
    await eventually(() => stderr().includes('waiting for the data directory'))
    await append(folder, 'other', 'o')
    await eventually(() => stderr().includes('waiting for the topic t'))
    await append(folder, 't', 'a', 'b')
    await eventually(() => stdout() === 'a\nb\n')
    await append(folder, 't', 'c')
    await eventually(() => stdout() === 'a\nb\nc\n')
  })

  test('waiting for a topic ends with its reader, and with a signal', async () => {
    const { ended, child, stderr } = await following(dir, ['-F', 'never'], { shown: '' })
    await eventually(() => stderr().includes('waiting'))
    child.kill('SIGINT')
    expect(await ended).toBe(130)
    const { stdout } = await shell(`loglady tail -qF never | sleep 1; ${statuses}`, { dir })
    expect(stdout).toBe('0 0\n')
  })
})

test('a cut log ends -f with 3', async () => {
  const folder = newDirectory()
  await append(folder, 't', 'a', 'b')
  await append(folder, 't', 'c')
  const { stderr, ended } = await following(folder, ['-f', 't'], { shown: 'a\nb\nc\n' })
  const path = join(folder, 't-0', '00000000000000000000.log')
  const firstBatch = readFileSync(path).readInt32BE(8) + 12
  // What truncating does, in its order: the recovery point is lowered first.
  writeFileSync(join(folder, 'recovery-point-offset-checkpoint'), '0\n1\nt 0 2\n')
  truncateSync(path, firstBatch)
  expect(await ended).toBe(3)
  expect(stderr()).toMatch(/offset 3.*ends at offset 2/)
})
