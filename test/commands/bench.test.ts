import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { loglady, runLoglady, startLoglady } from '../helpers/run-loglady.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const short = ['-r', '1', '-w', '0', '--num-records']
const number = '\\d+(?:\\.\\d+)?'
const rates = `${number} records/sec \\(${number} MB/sec\\)`
const latencies = ['avg latency', 'max latency', '50th', '95th', '99th', '99.9th'].map(name => `${number} ms ${name}`)

function line(records: number, verb: string): RegExp {
  return new RegExp(`^${records} records ${verb}, ${rates}, ${latencies.join(', ')}$`, 'm')
}

/** TMPDIR for one test, so that what is left behind there can be seen. */
function scratch(): { folder: string; env: Record<string, string> } {
  const folder = temporaryFolder()
  return { folder, env: { TMPDIR: folder } }
}

test('append prints the line of kafka-producer-perf-test, its baseline, the facts and the read-back', async () => {
  const { folder, env } = scratch()
  const text = await loglady(['bench', 'append', ...short, '5000'], { env })
  expect(text).toMatch(line(5000, 'sent'))
  expect(text).toMatch(
    new RegExp(`^baseline: 5000 records sent, ${rates}, .* \\(plain writes of 256\\.0 KiB .*\\)$`, 'm'),
  )
  expect(text).toMatch(/^ratio: \d+\.\d\d of the baseline's time \(one pair\)$/m)
  expect(text).toMatch(/^.+, \d+ cores?, .+, Node v\d+\..*, warm cache, fsync: end$/m)
  expect(text).toContain('5000 records of 100 bytes, batches of 256.0 KiB, sync end, compression none')
  expect(text).toMatch(/^read-back: 5000 records, 0 lost, 0 duplicated, 0 out of order, 0 altered$/m)
  expect(readdirSync(folder)).toEqual([])
})

test('without a name all jobs run, each beside its baseline', async () => {
  const { folder, env } = scratch()
  const text = await loglady(['bench', ...short, '300'], { env })
  for (const verb of ['sent', 'read', 'followed', 'found by offset', 'found by time', 'recovered', 'indexed']) {
    expect(text).toMatch(line(verb.startsWith('found') ? 1000 : 300, verb))
    expect(text).toMatch(new RegExp(`^baseline: .* records ${verb}, `, 'm'))
  }
  expect(readdirSync(folder)).toEqual([])
})

test.each([
  ['records of 7 bytes', 500, ['--record-size', '7']],
  ['records larger than a batch of any topic', 3, ['--record-size', '2M']],
  ['records in a batch each, synced,', 500, ['--batch-size', '1', '--sync', 'batch']],
  ['records compressed and not synced', 500, ['--sync', 'never', '--compression', 'lz4']],
  ['records in many segments', 500, ['--sync', '100ms', '--segment-bytes', '16K', '--batch-size', '8K']],
])('%s come back as they were sent', async (_, records, flags) => {
  const text = await loglady(['bench', 'append', 'read', ...short, String(records), ...flags])
  expect(text).toMatch(line(records, 'sent'))
  expect(text).toMatch(line(records, 'read'))
  expect(text).toContain(`read-back: ${records} records, 0 lost`)
})

test('the lines of a payload file are the records, of -d’s directory, which stays', async () => {
  const folder = temporaryFolder()
  const payload = join(folder, 'lines')
  writeFileSync(payload, 'alpha\nbeta\n')
  const dir = join(folder, 'data')
  const text = await loglady(['bench', 'append', ...short, '200', '--payload-file', payload, '-d', dir])
  expect(text).toContain(`200 records of lines of ${payload}`)
  const values = (await loglady(['read', 'bench'], { dir })).trimEnd().split('\n')
  expect(values.length).toBe(200)
  expect(values[3]).toMatch(/^00000003[0-9a-f]{16}(alpha|beta)$/)
  expect(readdirSync(dir).filter(name => name.startsWith('loglady-bench'))).toEqual([])
  const again = await runLoglady(['bench', 'append', ...short, '200', '-d', dir])
  expect(again).toMatchObject({ exitCode: 2 })
  expect(again.stderr).toContain('there is a topic bench already')
})

test('$LOGLADY_DIR is not touched', async () => {
  const dir = join(temporaryFolder(), 'mine')
  await loglady(['bench', 'append', ...short, '100'], { dir })
  expect(existsSync(dir)).toBe(false)
})

test("--export-json writes hyperfine's shape, -J prints the same results, one a line", async () => {
  const path = join(temporaryFolder(), 'bench.json')
  const flags = ['-r', '3', '-w', '1', '--num-records', '1000', '-J', '--export-json', path]
  const lines = (await loglady(['bench', 'append', ...flags])).trimEnd().split('\n')
  const { results, machine, settings } = JSON.parse(readFileSync(path, 'utf8'))
  expect(lines.map(text => JSON.parse(text))).toEqual(results)
  expect(results.map(({ role }: { role: string }) => role)).toEqual(['loglady', 'baseline'])
  for (const result of results) {
    const { command, mean, stddev, median, user, system, min, max, times, exit_codes } = result
    expect(typeof command).toBe('string')
    for (const value of [mean, stddev, median, user, system, min, max]) expect(typeof value).toBe('number')
    expect(times.length).toBe(3)
    expect(exit_codes).toEqual([0, 0, 0])
    expect(min).toBe(Math.min(...times))
  }
  expect(machine).toMatchObject({ node: expect.stringMatching(/^v/), cores: expect.any(Number) })
  expect(settings).toMatchObject({ records: 1000, recordSize: 100, sync: 'end', batchBytes: 262_144 })
})

test.each([
  [['nope'], 'there is no job nope'],
  [['append', '--record-size', '10', '--payload-file', 'x'], 'two things about the same records'],
  [['append', '--payload-file', '/nonexistent/lines'], 'no such payload file'],
  [['append', '--record-size', '0'], '--record-size 0 is out of range'],
  [['append', '--num-records', '0'], '0 is out of range'],
  [['append', '--export-json', '/nonexistent/bench.json'], 'no such folder'],
  [['append', '--num-records', '4000000000', '--record-size', '200M'], 'are free'],
])('bench %j is refused before anything is measured', async (args, message) => {
  const { folder, env } = scratch()
  const { exitCode, stderr } = await runLoglady(['bench', ...args], { env })
  expect(exitCode).toBe(2)
  expect(stderr).toContain(message)
  expect(readdirSync(folder)).toEqual([])
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends it with %i and leaves nothing behind', async (signal, exitCode) => {
  const { folder, env } = scratch()
  const running = startLoglady(['bench', '--num-records', '200000', '-r', '50'], { env })
  running.stdout.resume()
  // In the middle of the runs: the topic is there.
  const isWorking = () => readdirSync(folder, { recursive: true }).some(name => String(name).endsWith('.log'))
  while (!isWorking()) await sleep(10)
  running.kill(signal)
  const result = await running
  expect(result.exitCode).toBe(exitCode)
  expect(readdirSync(folder)).toEqual([])
})
