import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { appendRecords, type TestRecord } from '../helpers/append-records.ts'
import { type ExpectedRecord, expectedOffsets, expectedRecords, goldenCases } from '../helpers/golden.ts'
import { loglady, runLoglady } from '../helpers/run-loglady.ts'
import { sharedTemporaryFolder, temporaryFolder } from '../helpers/temporary-folder.ts'

const folder = sharedTemporaryFolder()
const dir = join(folder, 'data')
const start = 1_700_000_000_000

beforeAll(async () => {
  await appendRecords(
    dir,
    'numbers',
    Array.from({ length: 20 }, (_, i) => ({ value: `v${i}`, timestamp: start + 1000 * i })),
  )
  // Partitions take turns; the third one is a second late in each round.
  const merged: TestRecord[] = []
  for (let i = 0; i < 9; i++) {
    const late = i % 3 === 2 ? 1500 : 0
    merged.push({ value: `${i}`, partition: i % 3, timestamp: start + 1000 * i + late })
  }
  await appendRecords(dir, 'merged', merged, { partitions: 3 })
  await appendRecords(dir, 'keyed', [
    { key: 'a', value: 'one', timestamp: start },
    { key: '', value: 'two', timestamp: start + 1 },
    { key: null, value: 'three', timestamp: start + 2 },
    { key: 'a', value: null, timestamp: start + 3 },
    { key: 'ab', value: 'An ERROR', timestamp: start + 4 },
  ])
})

function read(...args: string[]): Promise<string> {
  return loglady(['read', ...args], { dir })
}

/** Exit code and stderr of what is expected to fail. */
async function refused(...args: string[]): Promise<{ exitCode: number | undefined; stderr: string; stdout: string }> {
  const { exitCode, stderr, stdout } = await runLoglady(['read', ...args], { dir })
  return { exitCode, stderr, stdout: stdout.toString() }
}

function values(from: number, until: number): string {
  return Array.from({ length: Math.max(0, until - from) }, (_, i) => `v${from + i}\n`).join('')
}

describe('where reading begins and ends', () => {
  // The grammar has its own tests, and what it means in one partition too.
  test.each([
    [[], 0, 20],
    [['-o', 'end'], 20, 20],
    [['-o', '-4'], 16, 20],
    [['-o', '-99'], 0, 20],
    [['-o', '5:8'], 5, 8],
    [['-o', `@${start + 3500}:@${start + 6000}`], 4, 6],
    [['-S', `${start + 15_000}`, '-U', `${start + 17_000}`], 15, 17],
    [['-c', '0'], 20, 20],
    [['-o', '-5', '-c', '2'], 15, 17],
    [['-o', '30', '--clamp'], 20, 20],
  ])('read %j', async (args, from, until) => {
    expect(await read('numbers', ...args)).toBe(values(from, until))
  })

  test('an offset that is not there names the nearest one', async () => {
    const { exitCode, stderr, stdout } = await refused('numbers', '-o', '21')
    expect([exitCode, stdout]).toEqual([2, ''])
    expect(stderr).toContain('offset 21 of numbers/0 is not there yet; the log ends at 20')
    expect(stderr).toContain('--clamp')
  })

  test('backwards', async () => {
    const reversed = (text: string) => text.split('\n').slice(0, -1).reverse().join('\n')
    expect(await read('numbers', '-r')).toBe(`${reversed(values(0, 20))}\n`)
    expect(await read('numbers', '-r', '-c', '3')).toBe('v19\nv18\nv17\n')
    expect(await read('numbers', '-r', '-o', '-2')).toBe('v19\nv18\n')
    expect(await read('numbers', '-r', '-o', '3:6')).toBe('v5\nv4\nv3\n')
    expect(await read('numbers', '-r', '-U', `${start + 2000}`)).toBe('v1\nv0\n')
  })

  test('a partition is named behind the topic or by -p, and not by both', async () => {
    expect(await read('merged/1')).toBe('1\n4\n7\n')
    expect(await read('merged', '-p', '1')).toBe('1\n4\n7\n')
    expect(await read('merged', '-p', '2,0', '--by-partition')).toBe('0\n3\n6\n2\n5\n8\n')
    expect((await refused('merged/1', '-p', '2')).exitCode).toBe(2)
    expect((await refused('merged/7')).exitCode).toBe(2)
  })
})

describe('several partitions', () => {
  test('are merged by timestamp, forwards and backwards', async () => {
    // 2, 5 and 8 have the timestamps 3500, 6500 and 9500.
    expect(await read('merged')).toBe('0\n1\n3\n2\n4\n6\n5\n7\n8\n')
    expect(await read('merged', '-r')).toBe('8\n7\n5\n6\n4\n2\n3\n1\n0\n')
  })

  test('the last N are the last N of all', async () => {
    expect(await read('merged', '-o', '-4')).toBe('6\n5\n7\n8\n')
    expect(await read('merged', '-o', '-4', '-r')).toBe('8\n7\n5\n6\n')
    expect(await read('merged', '-o', '-3', '-g', '[0-6]')).toBe('4\n6\n5\n')
    expect(await read('merged', '-o', '-4', '--by-partition')).toBe('7\n2\n5\n8\n')
  })

  test('one after the other', async () => {
    expect(await read('merged', '--by-partition')).toBe('0\n3\n6\n1\n4\n7\n2\n5\n8\n')
    expect(await read('merged', '--by-partition', '-r')).toBe('8\n5\n2\n7\n4\n1\n6\n3\n0\n')
  })
})

describe('how records are printed', () => {
  test('delimiters and keys', async () => {
    expect(await read('keyed', '-D', '\\t|')).toBe('one\t|two\t|three\t|\t|An ERROR\t|')
    expect(await read('keyed', '-0')).toBe('one\0two\0three\0\0An ERROR\0')
    expect(await read('keyed', '-K', ':')).toBe('a:one\n:two\nthree\na:\nab:An ERROR\n')
    expect(await read('keyed', '-K=')).toBe('a=one\n=two\nthree\na=\nab=An ERROR\n')
  })

  test('framings', async () => {
    expect(await read('keyed', '--framing', 'nul', '-c', '2')).toBe('one\0two\0')
    expect(await read('keyed', '--framing', 'whole')).toBe('onetwothreeAn ERROR')
    expect(await read('keyed', '--framing', 'u32be', '-c', '2')).toBe('\0\0\0\x03one\0\0\0\x03two')
    expect(await read('keyed', '--framing', 'varint', '-c', '2')).toBe('\x03one\x03two')
  })

  test('JSON', async () => {
    expect(await read('keyed', '-J', '-o', '3')).toBe(
      `{"topic":"keyed","partition":0,"offset":3,"timestamp":${start + 3},"key":"a","value":null,"headers":[]}\n` +
        `{"topic":"keyed","partition":0,"offset":4,"timestamp":${start + 4},"key":"ab","value":"An ERROR","headers":[]}\n`,
    )
  })

  test('formats', async () => {
    expect(await read('keyed', '-f', '%t/%p@%o %k=%v (%S)\\n', '-o', '2:4')).toBe(
      'keyed/0@2 =three (5)\nkeyed/0@3 a= (-1)\n',
    )
    expect(await read('keyed', '-c', '1', '--format', '%T %T{iso}')).toBe(`${start} 2023-11-14T22:13:20.000Z`)
  })

  test('what says two things is refused', async () => {
    for (const args of [
      ['-J', '-f', '%v'],
      ['-J', '-K', ':'],
      ['-f', '%v', '-0'],
      ['-0', '-D', 'x'],
      ['-0', '--framing', 'lines'],
      ['--framing', 'u32be', '-D', 'x'],
      ['-r', '--follow'],
      ['-r', '--group', 'g'],
      ['--group', 'g', '--cursor-file', 'f'],
      ['-o', 'stored'],
      ['-f', '%q'],
      ['-g', '('],
      ['--framing', 'json'],
    ]) {
      const { exitCode, stdout } = await refused('keyed', ...args)
      expect([args, exitCode, stdout]).toEqual([args, 2, ''])
    }
  })

  test('-f for follow gets a hint', async () => {
    for (const args of [['-f'], ['keyed', '-f'], ['-f', 'keyed']]) {
      const { exitCode, stderr } = await refused(...args)
      expect(exitCode).toBe(2)
      expect(stderr).toMatch(/hint: .*--follow/)
    }
  })
})

describe('filters', () => {
  test('by value, in either case unless there is a capital', async () => {
    expect(await read('keyed', '-g', 'error')).toBe('An ERROR\n')
    expect(await read('keyed', '-g', '^t')).toBe('two\nthree\n')
    expect(await refused('keyed', '-g', 'Error')).toEqual({ exitCode: 1, stderr: '', stdout: '' })
  })

  test('by key', async () => {
    expect(await read('keyed', '--key', 'a')).toBe('one\n\n')
    expect(await read('keyed', '--key=')).toBe('two\n')
    expect(await read('keyed', '--key', 'nobody')).toBe('')
  })

  test('by the time of each record, also where times are out of order', async () => {
    await appendRecords(dir, 'jumping', [
      { value: 'late', timestamp: start + 5000 },
      { value: 'early', timestamp: start },
      { value: 'middle', timestamp: start + 2000 },
    ])
    expect(await read('jumping', '-S', `${start + 2000}`)).toBe('late\nmiddle\n')
    expect(await read('jumping', '-o', `@${start + 1000}`)).toBe('late\nearly\nmiddle\n')
  })
})

describe('offsets that are kept', () => {
  test('a group goes on where it was', async () => {
    expect(await read('numbers', '--group', 'workers', '-c', '3')).toBe(values(0, 3))
    expect(readFileSync(join(dir, 'loglady-group-workers.checkpoint'), 'utf8')).toBe('0\n1\nnumbers 0 3\n')
    expect(await read('numbers', '--group', 'workers', '-o', 'stored', '-c', '2')).toBe(values(3, 5))
    expect(await read('numbers', '--group', 'workers')).toBe(values(5, 20))
    expect(await read('numbers', '--group', 'workers')).toBe('')
    expect(await read('numbers', '--group', 'workers', '-o', '18')).toBe(values(18, 20))
    expect(await read('numbers', '--group', 'others', '-c', '1')).toBe(values(0, 1))
  })

  test('what a filter refused is done too', async () => {
    expect(await read('numbers', '--group', 'picky', '-g', '^v1$')).toBe('v1\n')
    expect(await read('numbers', '--group', 'picky')).toBe('')
  })

  test('each partition of a merged topic has its own offset', async () => {
    expect(await read('merged', '--group', 'm', '-c', '4')).toBe('0\n1\n3\n2\n')
    expect(await read('merged', '--group', 'm')).toBe('4\n6\n5\n7\n8\n')
    expect(readFileSync(join(dir, 'loglady-group-m.checkpoint'), 'utf8')).toBe(
      '0\n3\nmerged 0 3\nmerged 1 3\nmerged 2 3\n',
    )
  })

  test('a cursor file is made and goes on', async () => {
    const file = join(temporaryFolder(), 'cursor')
    expect(await read('numbers', '--cursor-file', file, '-c', '19')).toBe(values(0, 19))
    expect(readFileSync(file, 'utf8')).toBe('0\n1\nnumbers 0 19\n')
    expect(await read('merged/1', '--cursor-file', file)).toBe('1\n4\n7\n')
    expect(await read('numbers', '--cursor-file', file)).toBe(values(19, 20))
    expect(readFileSync(file, 'utf8')).toBe('0\n2\nnumbers 0 20\nmerged 1 3\n')
  })

  test('a committed offset that is gone is refused, or clamped', async () => {
    writeFileSync(join(dir, 'loglady-group-ahead.checkpoint'), '0\n1\nnumbers 0 25\n')
    expect((await refused('numbers', '--group', 'ahead')).exitCode).toBe(2)
    expect(await read('numbers', '--group', 'ahead', '--clamp')).toBe('')
  })

  test('a broken cursor file is damage and is left alone', async () => {
    const file = join(temporaryFolder(), 'cursor')
    writeFileSync(file, 'mine\n')
    const { exitCode, stderr } = await refused('numbers', '--cursor-file', file)
    expect([exitCode, readFileSync(file, 'utf8')]).toEqual([3, 'mine\n'])
    expect(stderr).toContain(file)
  })
})

describe('topics', () => {
  test('without a positional the only topic is meant, else default', async () => {
    const other = join(temporaryFolder(), 'data')
    await appendRecords(other, 'lonely', [{ value: 'x' }])
    expect(await loglady(['read'], { dir: other })).toBe('x\n')
    const { exitCode, stderr } = await refused()
    expect(exitCode).toBe(2)
    expect(stderr).toContain('no topic default')
  })

  test('a directory that is not there is not made', async () => {
    const missing = join(temporaryFolder(), 'nowhere')
    const { exitCode, stderr } = await runLoglady(['read'], { dir: missing })
    expect([exitCode, existsSync(missing)]).toEqual([2, false])
    expect(stderr).toContain('hint: ')
  })

  test('an empty topic prints nothing', async () => {
    await appendRecords(dir, 'empty', [])
    for (const args of [[], ['-r'], ['-o', '-5'], ['-J'], ['-o', 'end']]) expect(await read('empty', ...args)).toBe('')
  })
})

test('--stats says how much was printed', async () => {
  const { stderr, exitCode } = await refused('numbers', '--stats', '-c', '4')
  expect(exitCode).toBe(0)
  expect(stderr).toMatch(/^printed 4 records, 12 B in .* records\/s, .*\/s\n$/)
  const json = JSON.parse((await refused('numbers', '--stats', '-J')).stderr)
  expect(json).toMatchObject({ records: 20 })
})

for (const golden of goldenCases()) {
  test(`read -J shows what Kafka's consumers got: ${golden.name}`, async () => {
    for (const topic of new Set(expectedOffsets(golden).map(line => line.topic))) {
      for (const [file, ...flags] of [
        ['expected.ndjson'],
        ['expected.committed.ndjson', '--isolation', 'read_committed'],
      ] as [string, ...string[]][]) {
        const expected = expectedRecords(golden, file)?.filter(record => record.topic === topic)
        if (expected === undefined) continue
        const printed = await loglady(['read', topic, '-J', '--by-partition', ...flags], { dir: golden.logDirectory })
        expect(printed.split('\n').slice(0, -1).map(toExpected)).toEqual(
          expected.map(({ timestampType: _, ...record }) => record),
        )
      }
    }
  })
}

type PrintedBytes = string | null | { base64: string }

function toExpected(line: string): Omit<ExpectedRecord, 'timestampType'> {
  const { key, value, headers, ...rest } = JSON.parse(line) as {
    topic: string
    partition: number
    offset: number
    timestamp: number
    key: PrintedBytes
    value: PrintedBytes
    headers: [string, PrintedBytes][]
  }
  return {
    ...rest,
    keyB64: toBase64(key),
    valueB64: toBase64(value),
    headers: headers.map(([name, text]) => [name, toBase64(text)]),
  }
}

function toBase64(printed: PrintedBytes): string | null {
  if (printed === null) return null
  return typeof printed === 'string' ? Buffer.from(printed).toString('base64') : printed.base64
}
