import { copyFileSync, cpSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { inspectIndex } from '../../../src/log/maintenance/inspect-index.ts'
import { inspectTargets, inspectTopicTargets } from '../../../src/log/maintenance/inspect-target.ts'
import { fixtureFolder } from '../../helpers/golden.ts'
import { goldenFiles } from '../../helpers/golden-files.ts'
import { rawBatch, rawRecord } from '../../helpers/raw-batch.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const compacted = join(fixtureFolder, 'broker/compacted/log-dir')

function names(targets: { path: string; kind: string }[]): string[] {
  return targets.map(({ path, kind }) => `${kind} ${basename(path)}`)
}

test('a partition is its segments in offset order and its other files, without what waits for removal', () => {
  const found = names(inspectTargets(join(compacted, 'compact-txn-0')))
  expect(found.slice(0, 5)).toEqual([
    'log 00000000000000000000.log',
    'log 00000000000000000076.log',
    'log 00000000000000000140.log',
    'log 00000000000000000146.log',
    'snapshot 00000000000000000076.snapshot',
  ])
  expect(found).toContain('leader-epoch-checkpoint leader-epoch-checkpoint')
  expect(found.filter(name => name.startsWith('txnindex'))).toHaveLength(2)
  expect(names(inspectTargets(join(compacted, 'compact-delete-0'))).filter(name => name.includes('deleted'))).toEqual(
    [],
  )
})

test('a data directory is its own files and those of every partition', () => {
  const found = names(inspectTargets(compacted))
  expect(found[0]).toBe('clean-shutdown .kafka_cleanshutdown')
  expect(found.filter(name => name.startsWith('offset-checkpoint'))).toHaveLength(4)
  expect(found.filter(name => name.startsWith('partition.metadata'))).toHaveLength(5)
})

test('a topic is all its partitions, or one', () => {
  const logs = (partition?: number) =>
    inspectTopicTargets(compacted, 'compact', partition).filter(({ kind }) => kind === 'log')
  expect(logs()).toHaveLength(8)
  expect(logs(1).every(({ path }) => path.includes('compact-1/'))).toBe(true)
  expect(() => inspectTopicTargets(compacted, 'compact', 2)).toThrow('neither a file nor a topic: compact/2')
  expect(() => inspectTopicTargets(join(compacted, 'none'), 'compact')).toThrow('no such data directory')
})

test('a file is known by its name, else by a batch at its beginning', () => {
  const folder = temporaryFolder()
  const batch = rawBatch(rawRecord({ value: 'v' }), { baseOffset: 5 })
  const kinds: [string, string][] = [
    ['broken.log', 'log'],
    ['0.index', 'index'],
    ['x.timeindex', 'timeindex'],
    ['00000000000000000000.log.swap', 'log'],
    ['00000000000000000000.log.300.cut', 'log'],
    ['00000000000000000042-0000000001.checkpoint', 'log'],
    ['bootstrap.checkpoint', 'log'],
    ['other.checkpoint', 'log'],
    ['anything', 'log'],
  ]
  for (const [name, kind] of kinds) {
    writeFileSync(join(folder, name), batch)
    expect(inspectTargets(join(folder, name)), name).toMatchObject([{ kind }])
  }
  writeFileSync(
    join(folder, 'notes.txt'),
    'some text that is long enough to hold a header of a batch, were it one at all',
  )
  expect(() => inspectTargets(join(folder, 'notes.txt'))).toThrow('not a file of a log')
  expect(() => inspectTargets(join(folder, 'missing.log'))).toThrow('no such file or folder')
})

test('a folder with neither segments nor partitions is refused, an empty data directory is not', () => {
  const folder = temporaryFolder()
  expect(() => inspectTargets(folder)).toThrow('neither a partition nor a data directory')
  writeFileSync(join(folder, 'loglady-topics.json'), '{"version":1,"topics":{}}')
  expect(names(inspectTargets(folder))).toEqual(['topics loglady-topics.json'])
})

test('folders on their way out are left out, stray ones are looked at', () => {
  const folder = temporaryFolder()
  const hex = '0123456789abcdef0123456789abcdef'
  for (const name of [`t-0.${hex}-delete`, `t-1.${hex}-stray`, 't-2']) {
    cpSync(join(fixtureFolder, 'golden-0'), join(folder, name), { recursive: true })
  }
  const found = inspectTargets(folder).filter(({ kind }) => kind === 'log')
  expect(found.map(({ path }) => basename(join(path, '..')))).toEqual([
    `t-1.${hex}-stray`,
    `t-1.${hex}-stray`,
    't-2',
    't-2',
  ])
})

test('the segment of an unfinished compaction is the one that counts', () => {
  const folder = join(temporaryFolder(), 't-0')
  cpSync(join(fixtureFolder, 'golden-0'), folder, { recursive: true })
  const log = join(folder, '00000000000000000000.log')
  copyFileSync(log, `${log}.swap`)
  expect(names(inspectTargets(folder)).slice(0, 2)).toEqual([
    'log 00000000000000000000.log.swap',
    'log 00000000000000000418.log',
  ])
  renameSync(log, `${log}.deleted`)
  expect(inspectTargets(`${log}.deleted`)).toMatchObject([{ kind: 'log', context: { place: 'alone', baseOffset: 0 } }])
})

test('an index is held against its log where that is beside it, and by itself else', async () => {
  const path = goldenFiles('.index').find(name => name.includes('golden-0'))!
  expect(await inspectIndex(path, 'index')).toMatchObject({ entries: 10, isCompared: true, verdict: 'clean' })
  const folder = temporaryFolder()
  const alone = join(folder, basename(path))
  copyFileSync(path, alone)
  expect(await inspectIndex(alone, 'index')).toMatchObject({ entries: 10, isCompared: false, verdict: 'clean' })
  const wrong = Buffer.alloc(24, 1)
  writeFileSync(alone, wrong)
  expect(await inspectIndex(alone, 'index')).toMatchObject({ entries: 3, verdict: 'wrong index' })
  copyFileSync(path.replace('.index', '.log'), alone.replace('.index', '.log'))
  const compared = await inspectIndex(alone, 'index')
  expect(compared.isCompared).toBe(true)
  expect(compared.findings.every(finding => finding.path === alone)).toBe(true)
  expect(compared.verdict).toBe('wrong index')
  mkdirSync(join(folder, 'link'))
  symlinkSync(path, join(folder, 'link', basename(path)))
  expect(await inspectIndex(join(folder, 'link', basename(path)), 'index')).toMatchObject({ verdict: 'clean' })
})
