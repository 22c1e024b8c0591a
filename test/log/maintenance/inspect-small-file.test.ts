import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { inspectSmallFile } from '../../../src/log/maintenance/inspect-small-file.ts'
import { inspectTargets } from '../../../src/log/maintenance/inspect-target.ts'
import { goldenFiles } from '../../helpers/golden-files.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

function inspectGolden(part: string) {
  const path = goldenFiles(basename(part)).find(name => name.includes(part))!
  return inspect(path)
}

function inspect(path: string) {
  const [target] = inspectTargets(path)
  if (target === undefined || target.kind === 'log' || target.kind === 'index' || target.kind === 'timeindex') {
    throw new Error(`not a small file: ${path}`)
  }
  return inspectSmallFile(path, target.kind)
}

/** What is found in a file of this name with this content: the verdict and the messages. */
function inspectNew(name: string, content: string | Buffer) {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, content)
  const { verdict, findings, entries } = inspect(path)
  return { verdict, messages: findings.map(({ message }) => message), entries }
}

test('every kind of file shows what is in it', () => {
  expect(inspectGolden('golden-0/00000000000000000000.txnindex').entries).toEqual([
    { producerId: '3000', firstOffset: 114, lastOffset: 117, lastStableOffset: 118 },
  ])
  expect(inspectGolden('golden-0/leader-epoch-checkpoint').entries[0]).toEqual({ epoch: 0, startOffset: 0 })
  expect(inspectGolden('golden-0/partition.metadata').entries).toEqual([{ topicId: 'ESIzRFVmd4iZqrvM3e7_AA' }])
  expect(inspectGolden('groups/log-dir/meta.properties').entries).toContainEqual({ key: 'version', value: '1' })
  expect(inspectGolden('segments/log-dir/recovery-point-offset-checkpoint').entries).toContainEqual({
    topic: 'seg-bytes',
    partition: 1,
    offset: 379,
  })
  const snapshot = inspectGolden('idempotent-0/00000000000000000060.snapshot')
  expect(snapshot.entries[0]).toMatchObject({ lastOffset: 59, producerEpoch: 0 })
  expect(JSON.stringify(snapshot)).toContain('"producerId":"')
  expect(inspectNew('.kafka_cleanshutdown', '{"version":0,"brokerEpoch":7}').entries).toEqual([
    { version: 0, brokerEpoch: 7 },
  ])
  expect(inspectNew('.kafka_cleanshutdown', '')).toEqual({ verdict: 'clean', messages: [], entries: [] })
  expect(inspectNew('loglady-group-g.checkpoint', '0\n1\nt 0 5\n').entries).toEqual([
    { topic: 't', partition: 0, offset: 5 },
  ])
  expect(inspectNew('some.checkpoint', '0\n1\nt 0 5\n').entries).toHaveLength(1)
  const topics =
    '{"version":1,"topics":{"t":{"id":"ESIzRFVmd4iZqrvM3e7_AA","partitions":2,"config":{"segment.ms":"9"}}}}'
  expect(inspectNew('loglady-topics.json', topics).entries).toEqual([
    { topic: 't', id: 'ESIzRFVmd4iZqrvM3e7_AA', partitions: 2, config: 'segment.ms=9' },
  ])
})

test('what is wrong in them is a finding, never an error', () => {
  expect(inspectNew('recovery-point-offset-checkpoint', '0\n2\nt 0 5\n')).toMatchObject({
    verdict: 'damaged',
    messages: ['wrong count, expected 1 as there are, found "2"'],
  })
  expect(inspectNew('leader-epoch-checkpoint', '0\n2\n5 0\n4 9\n').verdict).toBe('damaged')
  expect(inspectNew('partition.metadata', 'version: 1').verdict).toBe('damaged')
  expect(inspectNew('meta.properties', 'version=9').verdict).toBe('damaged')
  expect(inspectNew('00000000000000000010.snapshot', Buffer.from('000148674bc800000000', 'hex')).messages[0]).toContain(
    'CRC mismatch',
  )
  expect(inspectNew('00000000000000000010.snapshot', Buffer.alloc(3)).verdict).toBe('damaged')
  const aborted = Buffer.from('00000000000000000bb80000000000000072000000000000007500000000000000760000', 'hex')
  expect(inspectNew('00000000000000000000.txnindex', aborted.subarray(0, 34)).verdict).toBe('clean')
  expect(inspectNew('00000000000000000000.txnindex', aborted)).toMatchObject({ verdict: 'wrong index' })
  expect(inspectNew('00000000000000000200.txnindex', aborted.subarray(0, 34)).verdict).toBe('wrong index')
  expect(inspectNew('loglady-topics.json', '{').verdict).toBe('damaged')
})

test('a mark of unsynced bytes is told', () => {
  const found = inspectNew('unsynced', '0\n1000 65536\n')
  expect(found).toMatchObject({ verdict: 'clean', entries: [{ baseOffset: 1000, position: 65536 }] })
  expect(found.messages[0]).toContain('a sync failed')
})
