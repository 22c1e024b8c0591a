import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { WHOLE } from '../../src/log/file/lock-file.ts'
import { goldenCases } from '../helpers/golden.ts'
import { hasPython, LockProcess } from '../helpers/lock-process.ts'
import { TestPartition } from '../helpers/partition.ts'
import { runLoglady } from '../helpers/run-loglady.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

async function reindex(args: string[], dir?: string) {
  const result = await runLoglady(['reindex', ...args], dir === undefined ? {} : { dir })
  return { ...result, stdout: result.stdout.toString() }
}

/** Four segments, indexed every 300 bytes. */
async function topic(): Promise<TestPartition> {
  const partition = await TestPartition.create({ 'segment.bytes': 2048, 'index.interval.bytes': 300 })
  await partition.append(Array.from({ length: 70 }, (_, n) => [`value ${n}`]))
  partition.close()
  return partition
}

function indexFiles(partition: TestPartition): Record<string, string> {
  const names = readdirSync(partition.folder).filter(name => name.endsWith('index'))
  return Object.fromEntries(names.sort().map(name => [name, partition.bytes(name).toString('hex')]))
}

test('what is right is left alone, and nothing is stale', async () => {
  const partition = await topic()
  const before = indexFiles(partition)
  const checked = await reindex(['--check', 't'], partition.path)
  expect(checked.exitCode).toBe(0)
  const lines = checked.stdout.trimEnd().split('\n')
  expect(lines).toHaveLength(partition.logs().length)
  expect(lines[0]).toMatch(
    new RegExp(`^${partition.file(partition.logs()[0]!)}\tright\tright\tnothing\t\\d+\t\\d+\t0$`),
  )
  expect(checked.stderr).toContain('0 stale of the indexes of')
  expect((await reindex(['t'], partition.path)).exitCode).toBe(0)
  const all = await reindex(['--all', '-j', '2', 't/0'], partition.path)
  expect(all.exitCode).toBe(0)
  expect(all.stdout.match(/\trebuilt\t/g)).toHaveLength(partition.logs().length)
  expect(indexFiles(partition)).toEqual(before)
})

test('lost and wrong indexes: the check exits 1 and writes nothing, then they are built anew', async () => {
  const partition = await topic()
  const before = indexFiles(partition)
  const [first, second] = partition.logs().map(name => name.replace('.log', ''))
  rmSync(partition.file(`${first}.index`))
  writeFileSync(partition.file(`${second}.timeindex`), Buffer.alloc(24, 3))
  const damaged = indexFiles(partition)
  const checked = await reindex(['--check', '-J'], partition.path)
  expect(checked.exitCode).toBe(1)
  const results = checked.stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(results[0]).toMatchObject({
    topic: 't',
    partition: 0,
    index: 'missing',
    timeIndex: 'right',
    isStale: true,
    isRebuilt: false,
  })
  expect(results[1]).toMatchObject({ index: 'right', timeIndex: 'wrong', isStale: true })
  expect(indexFiles(partition)).toEqual(damaged)
  const mended = await reindex([], partition.path)
  expect(mended.exitCode).toBe(0)
  expect(mended.stdout.match(/\trebuilt\t/g)).toHaveLength(2)
  expect(indexFiles(partition)).toEqual(before)
})

test('one segment is named by its file', async () => {
  const partition = await topic()
  const before = indexFiles(partition)
  for (const name of Object.keys(before)) rmSync(partition.file(name))
  const log = partition.logs()[1]!
  const { exitCode, stdout } = await reindex([partition.file(log)])
  expect(exitCode).toBe(0)
  expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  expect(Object.keys(indexFiles(partition))).toEqual([log.replace('.log', '.index'), log.replace('.log', '.timeindex')])
})

test('damage in a log is told: exit 1 from the check, 3 from a build', async () => {
  const partition = await topic()
  const path = partition.file(partition.logs()[0]!)
  const bytes = readFileSync(path)
  bytes.fill(7, 200, 260)
  writeFileSync(path, bytes)
  const checked = await reindex(['--check'], partition.path)
  expect(checked.exitCode).toBe(1)
  expect(checked.stderr).toContain('bytes that are no batches')
  expect((await reindex(['--all'], partition.path)).exitCode).toBe(3)
})

test('every index of a broker passes the check, the padded ones of a killed one too', async () => {
  for (const { logDirectory, name } of goldenCases()) {
    const { exitCode, stdout } = await reindex(['--check', logDirectory])
    expect({ name, exitCode }, stdout).toEqual({ name, exitCode: 0 })
  }
})

test('in the directory of a stopped broker the mark of its clean stop goes before the first write', async () => {
  const folder = join(temporaryFolder(), 'log-dir')
  cpSync(goldenCases().find(({ name }) => name.includes('segments'))!.logDirectory, folder, { recursive: true })
  const mark = join(folder, '.kafka_cleanshutdown')
  await reindex([], folder)
  expect(existsSync(mark)).toBe(true)
  rmSync(join(folder, 'seg-time-0', '00000000000000000000.index'))
  expect((await reindex(['seg-time'], folder)).exitCode).toBe(0)
  expect(existsSync(mark)).toBe(false)
})

test.runIf(hasPython())('beside a running broker it writes nothing and exits 4, and the check works', async () => {
  const partition = await topic()
  rmSync(partition.file('00000000000000000000.index'))
  const broker = await LockProcess.start(join(partition.path, '.lock'), 'like a broker')
  await broker.tryLock(WHOLE, 'exclusive')
  const refused = await reindex([], partition.path)
  expect(refused.exitCode).toBe(4)
  expect(refused.stderr).toContain('locked by')
  expect(existsSync(partition.file('00000000000000000000.index'))).toBe(false)
  expect((await reindex(['--check'], partition.path)).exitCode).toBe(1)
})

test('what is neither a segment nor a topic exits 2', async () => {
  const partition = await topic()
  expect((await reindex(['nothing'], partition.path)).stderr).toContain('neither a file nor a topic: nothing')
  expect((await reindex([], join(partition.path, 'none'))).exitCode).toBe(2)
  expect((await reindex(['--all', '--check'], partition.path)).exitCode).toBe(2)
  expect((await reindex([join(partition.path, 'loglady-topics.json')])).exitCode).toBe(2)
})
