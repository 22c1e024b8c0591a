import { appendFileSync, copyFileSync, cpSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fixtureFolder, goldenCases } from '../helpers/golden.ts'
import { TestPartition } from '../helpers/partition.ts'
import { runLoglady } from '../helpers/run-loglady.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const golden = join(fixtureFolder, 'golden-0')
const log = '00000000000000000000.log'

async function inspect(args: string[], dir?: string) {
  const result = await runLoglady(['inspect-segment', ...args], dir === undefined ? {} : { dir })
  return { ...result, stdout: result.stdout.toString() }
}

async function inspectJson(args: string[], dir?: string) {
  const { exitCode, stdout, stderr } = await inspect(['-J', ...args], dir)
  return {
    exitCode,
    stderr,
    lines: stdout
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line)),
  }
}

describe('whole directories of brokers exit 0', () => {
  test.each(goldenCases().map(found => [found.name, found.logDirectory]))('%s', async (_name, directory) => {
    const { exitCode, stdout, stderr } = await inspect([directory])
    expect({ exitCode, stderr }, stdout).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(/\nverdict\tclean\t[\d,]+ batches, [\d,]+ records\n$/)
  })
})

test('a folder is a line for each file and a verdict', async () => {
  const { exitCode, stdout } = await inspect([golden])
  expect(exitCode).toBe(0)
  expect(stdout.split('\n')).toEqual([
    `log\t${golden}/${log}\t15278\t38\t418\t0\t417\t1700000000000\t1700000050119\tnone,gzip,snappy,lz4,zstd\tok\t10\t10\tclean`,
    `log\t${golden}/00000000000000000418.log\t3207\t4\t120\t418\t537\t1700000050100\t1700000050159\tnone,gzip,snappy,lz4\tok\t1\t2\tclean`,
    `file\t${golden}/00000000000000000000.txnindex\t34\t1\tclean`,
    `file\t${golden}/00000000000000000418.snapshot\t148\t3\tclean`,
    `file\t${golden}/00000000000000000538.snapshot\t10\t0\tclean`,
    `file\t${golden}/leader-epoch-checkpoint\t19\t3\tclean`,
    `file\t${golden}/partition.metadata\t43\t1\tclean`,
    'verdict\tclean\t42 batches, 538 records',
    '',
  ])
})

test('-J has an object for each file and for the verdict', async () => {
  const { exitCode, lines } = await inspectJson([join(golden, log)])
  expect(exitCode).toBe(0)
  expect(lines).toMatchObject([
    { type: 'file', kind: 'log', batches: 38, records: 418, verdict: 'clean', isWrong: false, index: { entries: 10 } },
    { type: 'verdict', verdict: 'clean', isWrong: false, files: 1, wrongFiles: 0, batches: 38 },
  ])
})

test('batches and records are shown in the order of the file', async () => {
  const { lines } = await inspectJson(['--batches', '--records', '-n', '2', join(golden, log)])
  expect(lines.map(line => line.type)).toEqual([
    'batch',
    'record',
    'record',
    'record',
    'batch',
    'record',
    'record',
    'record',
    'record',
    'file',
    'verdict',
  ])
  expect(lines[0]).toEqual({
    type: 'batch',
    path: join(golden, log),
    position: 0,
    sizeInBytes: 490,
    baseOffset: 0,
    lastOffset: 2,
    recordsCount: 3,
    magic: 2,
    codec: 'none',
    crc: '3a049fda',
    timestampType: 'CreateTime',
    baseTimestamp: 1_700_000_000_000,
    maxTimestamp: 1_700_000_000_002,
    leaderEpoch: 0,
    producerId: '-1',
    producerEpoch: -1,
    baseSequence: -1,
    isTransactional: false,
    isControl: false,
    hasDeleteHorizon: false,
  })
  expect(lines[2]).toMatchObject({
    offset: 1,
    timestamp: 1_700_000_000_001,
    key: 'key-1',
    headers: [
      ['h', 'x1'],
      ['n', null],
    ],
  })
  const { stdout } = await inspect(['--batches', '--records', '-n', '1', join(golden, log)])
  expect(stdout.split('\n').slice(0, 2)).toEqual([
    'batch\t0\t2\t0\t490\t3\tnone\t2\t1700000000002\t0\t-\t3a049fda\t-',
    expect.stringMatching(/^record\t0\t1700000000000\t"key-0"\t"value-0-abc.*"\t-\t-$/),
  ])
})

test('markers of transactions are shown as what they are', async () => {
  const { lines } = await inspectJson(['--records', join(golden, log)])
  const controls = lines.filter(line => line.control !== undefined)
  expect(controls.map(({ control }) => control.type)).toEqual(expect.arrayContaining(['COMMIT', 'ABORT']))
})

test('bytes are shown with their place in the file', async () => {
  const { stdout } = await inspect(['--hex', '-s', '490', '-n', '1', join(golden, log)])
  const bytes = readFileSync(join(golden, log)).subarray(490, 490 + 165)
  const lines = stdout.split('\n').filter(line => /^[0-9a-f]{8} {2}/.test(line))
  expect(lines[0]).toMatch(/^000001ea {2}00 00 00 00 00 00 00 03 /)
  expect(Buffer.from(lines.map(line => line.slice(10, 58).replaceAll(' ', '')).join(''), 'hex')).toEqual(bytes)
  expect(stdout).toContain('verdict\tclean\t1 batch, 4 records in the part that was looked at')
  const { lines: objects } = await inspectJson(['--hex', '-s', '490', '-n', '1', join(golden, log)])
  expect(objects[0]).toMatchObject({ type: 'batch', hex: bytes.toString('hex') })
})

test('the entries of an index come with --records, those of a small file that is named by themselves', async () => {
  const index = await inspectJson(['--records', '-n', '3', join(golden, '00000000000000000000.index')])
  expect(index.lines.filter(line => line.type === 'entry')).toMatchObject([
    { number: 0, position: expect.any(Number), offset: expect.any(Number) },
    { number: 1 },
    { number: 2 },
  ])
  const { stdout } = await inspect([join(golden, '00000000000000000000.txnindex')])
  expect(stdout).toContain('entry\t0\t3000\t114\t117\t118\n')
  expect((await inspect([join(golden, 'leader-epoch-checkpoint')])).stdout).toContain('entry\t0\t0\t0\n')
})

/** A closed log of ten batches of two records, in a data directory. */
async function topic(): Promise<TestPartition> {
  const partition = await TestPartition.create()
  await partition.append(Array.from({ length: 10 }, (_, n) => [`a${n}`, `b${n}`]))
  partition.close()
  return partition
}

test('a topic is found in the data directory, a partition of it too, and without a name all is looked at', async () => {
  const partition = await topic()
  for (const args of [['t'], ['t/0'], []]) {
    const { exitCode, stdout } = await inspect(args, partition.path)
    expect(exitCode).toBe(0)
    expect(stdout).toContain('verdict\tclean\t10 batches, 20 records')
  }
})

test('damage exits 1 and says which bytes and offsets are lost', async () => {
  const partition = await topic()
  const path = partition.file(log)
  const bytes = readFileSync(path)
  const size = bytes.length / 10
  bytes[3 * size + 70]! ^= 1
  writeFileSync(path, bytes)
  const { exitCode, stdout } = await inspect(['t/0'], partition.path)
  expect(exitCode).toBe(1)
  const finding = `finding\tdamaged\t${path}\t${3 * size}\t${size}\t6\t7\tCRC mismatch, expected `
  expect(stdout).toContain(finding)
  expect(stdout).toMatch(/\nverdict\tdamaged\t1 of \d+ files, 9 batches, 18 records\n$/)
  const shown = await inspectJson(['--batches', 't/0'], partition.path)
  expect(shown.lines.filter(line => line.type === 'damage')).toMatchObject([
    { position: 3 * size, bytes: size, firstOffset: 6, lastOffset: 7 },
  ])
  expect(shown.lines.at(-1)).toMatchObject({ type: 'verdict', verdict: 'damaged', isWrong: true, wrongFiles: 1 })
})

test('a torn tail exits 1, zeros exit 0, a wrong index exits 1', async () => {
  const partition = await topic()
  const path = partition.file(log)
  const whole = readFileSync(path)
  writeFileSync(join(partition.path, 'recovery-point-offset-checkpoint'), '0\n0\n')
  truncateSync(path, whole.length - 7)
  const torn = await inspect([path])
  expect(torn.exitCode).toBe(1)
  expect(torn.stdout).toContain('verdict\ttorn tail\t1 of 1 file, 9 batches, 18 records')
  writeFileSync(path, Buffer.concat([whole, Buffer.alloc(5000)]))
  const zeros = await inspect([path])
  expect(zeros.exitCode).toBe(0)
  expect(zeros.stdout).toContain(`finding\tnote\t${path}\t${whole.length}\t5000\t-\t-\t5000 zero bytes: preallocated`)
  writeFileSync(path, whole)
  writeFileSync(partition.file('00000000000000000000.index'), Buffer.alloc(8, 1))
  expect((await inspect([path])).stdout).toContain('verdict\twrong index')
  expect((await inspect([partition.file('00000000000000000000.index')])).exitCode).toBe(1)
})

test('a file by itself, under any name, is looked at', async () => {
  const folder = temporaryFolder()
  copyFileSync(join(golden, log), join(folder, 'somewhere.log'))
  copyFileSync(join(golden, log), join(folder, log))
  for (const name of ['somewhere.log', log]) {
    const { exitCode, stdout } = await inspect([join(folder, name)])
    expect({ exitCode, verdict: stdout.trimEnd().split('\n').at(-1) }).toEqual({
      exitCode: 0,
      verdict: 'verdict\tclean\t38 batches, 418 records',
    })
  }
})

test('what is neither a file nor a topic exits 2, with the two possibilities told apart', async () => {
  const partition = await topic()
  const run = async (...args: string[]) => {
    const { exitCode, stderr, stdout } = await inspect(args, partition.path)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    return stderr
  }
  expect(await run('nothing')).toContain('neither a file nor a topic: nothing')
  expect(await run('some/where.log')).toContain('some/where.log: no such file or folder')
  expect(await run('t/7')).toContain('neither a file nor a topic: t/7')
  expect(await run(temporaryFolder())).toContain('neither a partition nor a data directory')
  expect(await run('-s', '10', golden)).toContain('need one log, these are 2')
  expect(await run('-n', '0', golden)).toContain('out of range')
  writeFileSync(join(partition.path, 'some.txt'), 'x')
  expect(await run(join(partition.path, 'some.txt'))).toContain('not a file of a log')
  const { lines } = await inspectJson(['nothing'], partition.path)
  expect(lines).toEqual([])
})

test('nothing is written, not even a lock file', async () => {
  const folder = join(temporaryFolder(), 'log-dir')
  cpSync(goldenCases().find(({ name }) => name.includes('killed'))!.logDirectory, folder, { recursive: true })
  const before = (await runLoglady(['inspect-segment', folder])).stdout.toString()
  appendFileSync(join(folder, 'killed-0', log), 'torn')
  const after = await inspect([folder])
  expect(after.exitCode).toBe(1)
  expect(before.split('\n').length).toBe(after.stdout.split('\n').length - 1)
  expect(after.stdout).toContain(basename(log))
  const found = await runLoglady(['inspect-segment', join(folder, 'killed-0', '.lock')])
  expect(found.stderr).toContain('no such file or folder')
})

test('a reader that leaves early is no error', async () => {
  const { execa } = await import('execa')
  const { logladyInShell, childEnvironment } = await import('../helpers/run-loglady.ts')
  const script = `${logladyInShell} inspect-segment --records '${golden}' | head -1; echo "\${PIPESTATUS[0]}"`
  const { stdout, stderr } = await execa('bash', ['-c', script], { env: childEnvironment(), extendEnv: false })
  expect(stdout.split('\n').at(-1)).toBe('0')
  expect(stderr).toBe('')
})
