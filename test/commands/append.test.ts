import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { appendRecords } from '../helpers/append-records.ts'
import { readTopic, readValues } from '../helpers/read-topic.ts'
import { loglady, runLoglady } from '../helpers/run-loglady.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

/** An empty folder to run in, and a data directory in it that is not there yet. */
function place(): { cwd: string; dir: string } {
  const cwd = temporaryFolder()
  return { cwd, dir: join(cwd, 'data') }
}

const append = (args: string[], options: Parameters<typeof runLoglady>[1]) => runLoglady(['append', ...args], options)

test('makes what is missing and says so, with -q it does not say so; stdout stays empty', async () => {
  const where = place()
  const first = await append([], { ...where, input: 'a\nb\n' })
  expect(first).toMatchObject({ exitCode: 0, stdout: Buffer.alloc(0) })
  expect(first.stderr).toBe(
    `loglady append: made the data directory ${where.dir}\nloglady append: made the topic default with 1 partition\n`,
  )
  const second = await append(['quiet', '-q', '--partitions', '3'], { ...where, input: 'c' })
  expect(second).toMatchObject({ exitCode: 0, stderr: '' })
  expect(readValues(where.dir)).toEqual(['a', 'b'])
  expect(readValues(where.dir, 'quiet')).toEqual(['c'])
})

test('no input at all makes the topic, with no record in it', async () => {
  const where = place()
  await loglady(['append', 'empty', '-q'], where)
  expect(readValues(where.dir, 'empty')).toEqual([])
})

test('files are read in their order, stdin where - names it, and not otherwise', async () => {
  const where = place()
  writeFileSync(join(where.cwd, 'a'), 'a1\na2')
  writeFileSync(join(where.cwd, 'b'), 'b1\n')
  await loglady(['append', 't', 'a', 'b', '-q'], { ...where, input: 'stdin\n' })
  expect(readValues(where.dir, 't')).toEqual(['a1', 'a2', 'b1'])
  await loglady(['append', 'u', 'a', '-', 'b', '-q'], { ...where, input: 'stdin\n' })
  expect(readValues(where.dir, 'u')).toEqual(['a1', 'a2', 'stdin', 'b1'])
})

test('a file that is not there is refused before anything is made', async () => {
  const where = place()
  writeFileSync(join(where.cwd, 'a'), 'a1\n')
  const result = await append(['t', 'a', 'missing'], where)
  expect(result).toMatchObject({ exitCode: 2, stderr: 'loglady append: missing: no such file\n' })
  expect(existsSync(where.dir)).toBe(false)
})

test('a single argument that names a file but no topic is refused with the two spellings', async () => {
  const where = place()
  writeFileSync(join(where.cwd, 'access.log'), 'a\n')
  const refused = await append(['access.log'], { ...where, input: 'b\n' })
  expect(refused.exitCode).toBe(2)
  expect(refused.stderr).toBe(
    'loglady append: access.log is a file and no topic\n' +
      'hint: "loglady append default access.log" appends the file, "loglady append access.log -" appends stdin to a topic of that name\n',
  )
  expect(existsSync(where.dir)).toBe(false)
  await loglady(['append', 'default', 'access.log'], where)
  await loglady(['append', 'access.log', '-'], { ...where, input: 'b\n' })
  expect(readValues(where.dir)).toEqual(['a'])
  // Now there is a topic of that name, and so nothing to ask.
  await loglady(['append', 'access.log'], { ...where, input: 'c\n' })
  expect(readValues(where.dir, 'access.log')).toEqual(['b', 'c'])
  mkdirSync(join(where.cwd, 'folder'))
  await loglady(['append', 'folder'], { ...where, input: 'd\n' })
})

test('keys, headers, timestamp and tombstones arrive as given', async () => {
  const where = place()
  const flags = ['-K', ':', '-Z', '-H', 'h=1', '-H', 'h=a=b', '--timestamp', '1700000000123', '-q']
  await loglady(['append', 't', ...flags], { ...where, input: 'k:v:w\n:empty key\ngone:\n' })
  const headers = [
    ['h', '1'],
    ['h', 'a=b'],
  ]
  const records = readTopic(where.dir, 't').map(({ key, value, timestamp, headers }) => ({
    key: `${key}`,
    value: value?.toString() ?? null,
    timestamp,
    headers,
  }))
  expect(records).toEqual([
    { key: 'k', value: 'v:w', timestamp: 1_700_000_000_123, headers },
    { key: '', value: 'empty key', timestamp: 1_700_000_000_123, headers },
    { key: 'gone', value: null, timestamp: 1_700_000_000_123, headers },
  ])
  await loglady(['append', 'u', '-k', 'K', '-q'], { ...where, input: 'a\nb\n' })
  expect(readTopic(where.dir, 'u').map(({ key, value }) => `${key}=${value}`)).toEqual(['K=a', 'K=b'])
})

test('a line without the key delimiter: exit 2 with its line, what came before it is safe and named', async () => {
  const where = place()
  const result = await append(['t', '-K', '\\t', '-q'], { ...where, input: 'a\t1\nb\t2\nno key\nc\t3\n' })
  expect(result.exitCode).toBe(2)
  expect(result.stderr).toBe(
    'loglady append: stdin: line 3: no key delimiter "\\t" in the record at byte 8\n' +
      'hint: all before it was written and synced: t/0 offsets 0-1; --key-optional gives such records a null key\n',
  )
  expect(readValues(where.dir, 't')).toEqual(['1', '2'])
  await loglady(['append', 'u', '-K', '\\t', '--key-optional'], { ...where, input: 'a\t1\nno key\n' })
  expect(readTopic(where.dir, 'u').map(({ key }) => key?.toString() ?? null)).toEqual(['a', null])
})

test('framings: delimiters, NUL, lengths in front, a whole file', async () => {
  const where = place()
  const values = async (topic: string, flags: string[], input: string | Buffer) => {
    await loglady(['append', topic, '-q', ...flags], { ...where, input })
    return readValues(where.dir, topic)
  }
  expect(await values('a', ['-D', '\\r\\n'], 'x\ny\r\nz')).toEqual(['x\ny', 'z'])
  expect(await values('b', ['-0'], 'x\ny\0z\0')).toEqual(['x\ny', 'z'])
  expect(await values('c', ['--framing', 'nul'], 'x\0')).toEqual(['x'])
  expect(await values('d', ['--framing', 'u32be'], '\0\0\0\x01x\0\0\0\0')).toEqual(['x', ''])
  expect(
    await values('e', ['--framing', 'varint'], Buffer.concat([Buffer.from([0x80, 0x01]), Buffer.alloc(128, 'y')])),
  ).toEqual(['y'.repeat(128)])
  expect(await values('f', ['--framing', 'whole'], 'x\ny\n')).toEqual(['x\ny\n'])
  expect(await values('g', ['--skip-empty'], 'x\n\n\ny\n')).toEqual(['x', 'y'])
  expect(await values('h', [], 'x\n\n\ny\n')).toEqual(['x', '', '', 'y'])
})

test('JSON lines: all of a record; its partition, or the partitioner with --repartition', async () => {
  const where = place()
  const line = (value: string, partition: number) =>
    `{"topic":"x","partition":${partition},"offset":77,"timestamp":123,"key":null,"value":${value},"headers":[["h",null]]}\n`
  const input = line('"v"', 2) + line('null', 0) + line('{"base64":"/wA="}', 1)
  await loglady(['append', 't', '-J', '-q', '--partitions', '3'], { ...where, input })
  expect(readTopic(where.dir, 't')).toEqual([
    { partition: 0, offset: 0, timestamp: 123, key: null, value: null, headers: [['h', null]] },
    { partition: 1, offset: 0, timestamp: 123, key: null, value: Buffer.from([0xff, 0]), headers: [['h', null]] },
    { partition: 2, offset: 0, timestamp: 123, key: null, value: Buffer.from('v'), headers: [['h', null]] },
  ])
  await loglady(['append', 'u', '-J', '-q', '--repartition'], { ...where, input })
  expect(readTopic(where.dir, 'u').map(({ offset }) => offset)).toEqual([0, 1, 2])
})

test('JSON lines: flags fill what a record does not have', async () => {
  const where = place()
  const flags = ['-J', '-q', '-k', 'K', '-H', 'a=b', '--timestamp', '1700000000000', '-p', '1', '--partitions', '2']
  const input = '{"value":"v"}\n{"value":"w","key":null,"headers":[],"timestamp":5,"partition":0}\n'
  await loglady(['append', 't', ...flags], { ...where, input })
  expect(readTopic(where.dir, 't')).toEqual([
    { partition: 0, offset: 0, timestamp: 5, key: null, value: Buffer.from('w'), headers: [] },
    {
      partition: 1,
      offset: 0,
      timestamp: 1_700_000_000_000,
      key: Buffer.from('K'),
      value: Buffer.from('v'),
      headers: [['a', 'b']],
    },
  ])
})

test('JSON lines: a bad one is exit 2 with line and byte, as a JSON line with -J', async () => {
  const where = place()
  const input = '{"value":"v"}\n{"value":"v","colour":1}\n'
  const asJson = await append(['t', '-J', '-q'], { ...where, input })
  expect(asJson.exitCode).toBe(2)
  expect(JSON.parse(asJson.stderr)).toMatchObject({
    error: 'LOGLADY_INVALID_RECORD',
    message: 'line 2: a record has no field "colour"',
    path: 'stdin',
    position: 27,
    exitCode: 2,
  })
  expect(JSON.parse(asJson.stderr).hint).toContain('all before it was written and synced: t/0 offsets 0-0')
  const asText = await append(['u', '--framing', 'json', '-q'], { ...where, input })
  expect(asText.exitCode).toBe(2)
  expect(asText.stderr).toContain('loglady append: stdin: line 2: a record has no field "colour" at byte 27\n')
  expect(readValues(where.dir, 't')).toEqual(['v'])
})

test('a partition that a JSON record names and the topic lacks is an error of that record', async () => {
  const where = place()
  const input = '{"value":"v"}\n{"value":"w","partition":4}\n'
  const { exitCode, stderr } = await append(['t', '-J', '-q'], { ...where, input })
  expect(exitCode).toBe(2)
  expect(JSON.parse(stderr)).toMatchObject({ position: 14 })
  expect(JSON.parse(stderr).message).toContain('line 2: topic t has no partition 4')
  expect(readValues(where.dir, 't')).toEqual(['v'])
})

test('a record too large for a batch: exit 2 with line and byte, all before it is safe', async () => {
  const where = place()
  const flags = ['t', '-q', '--max-message-bytes', '1K']
  const { exitCode, stderr } = await append(flags, { ...where, input: `a\nb\n${'x'.repeat(2000)}\nc\n` })
  expect(exitCode).toBe(2)
  expect(stderr).toMatch(
    /^loglady append: stdin: line 3: .*max\.message\.bytes.* at byte 4\nhint: all before it was written and synced: t\/0 offsets 0-1/,
  )
  expect(readValues(where.dir, 't')).toEqual(['a', 'b'])
  const { stderr: first } = await append(['t', '-q'], { ...where, input: 'x'.repeat(5000) })
  expect(first).toContain('hint: no record was written')
})

test('configuration flags hold for a topic that append makes; another value later is refused', async () => {
  const where = place()
  const flags = ['--segment-bytes', '2MiB', '--index-interval-bytes', '512', '--max-message-bytes', '64K']
  await loglady(['append', 't', '-q', ...flags], { ...where, input: 'a\n' })
  await loglady(['append', 't', '-q', ...flags, '--partitions', '1'], { ...where, input: 'b\n' })
  const differing = await append(['t', '--segment-bytes', '4M'], { ...where, input: 'c\n' })
  expect(differing.exitCode).toBe(2)
  expect(differing.stderr).toBe(
    'loglady append: topic t has segment.bytes=2097152, not 4194304\n' +
      'hint: loglady topics alter t --config segment.bytes=4194304\n',
  )
  const more = await append(['t', '--partitions', '4'], { ...where, input: 'c\n' })
  expect(more.exitCode).toBe(2)
  expect(more.stderr).toBe(
    'loglady append: topic t has 1 partition, not 4\nhint: loglady topics alter t --partitions 4\n',
  )
  expect(readValues(where.dir, 't')).toEqual(['a', 'b'])
})

test('partitions: TOPIC/N, -p N, and what is not there', async () => {
  const where = place()
  await loglady(['append', 't/1', '-q', '--partitions', '3'], { ...where, input: 'a\n' })
  await loglady(['append', 't', '-p', '2', '-q'], { ...where, input: 'b\n' })
  expect(readTopic(where.dir, 't').map(({ partition, value }) => `${partition} ${value}`)).toEqual(['1 a', '2 b'])
  const refusals: [string[], string][] = [
    [['t', '-p', '3'], 'topic t has no partition 3'],
    [['t/1', '-p', '2'], 't/1 and --partition 2 name two partitions'],
    [['new', '-p', '1'], 'a new topic new with 1 partition would have no partition 1'],
  ]
  for (const [args, message] of refusals) {
    const { exitCode, stderr } = await append(args, { ...where, input: 'c\n' })
    expect(exitCode).toBe(2)
    expect(stderr).toContain(message)
  }
  expect(existsSync(join(where.dir, 'new-0'))).toBe(false)
})

test('partitioners: murmur2 of the key as Kafka, round-robin record by record', async () => {
  const where = place()
  const input = '21:\nfoobar:\nabc:\nuser-42:\n'
  await loglady(['append', 't', '-K', ':', '--partitions', '6', '-q'], { ...where, input })
  const byKey = Object.fromEntries(readTopic(where.dir, 't').map(({ key, partition }) => [`${key}`, partition]))
  expect(byKey).toEqual({ '21': 0, foobar: 0, abc: 3, 'user-42': 4 })
  const flags = ['--partitions', '2', '--partitioner', 'round-robin', '-q']
  await loglady(['append', 'u', ...flags], { ...where, input: 'a\nb\nc\n' })
  expect(readTopic(where.dir, 'u').map(({ partition, value }) => `${partition} ${value}`)).toEqual([
    '0 a',
    '0 c',
    '1 b',
  ])
})

test('--ack each: a line a batch; --ack summary: one line; nothing else on stdout', async () => {
  const where = place()
  const each = await loglady(['append', 't', '--ack', 'each'], { ...where, input: 'a\nb\n' })
  expect(each).toBe('{"topic":"t","partition":0,"baseOffset":0,"lastOffset":1,"records":2,"synced":true}\n')
  const unsynced = await loglady(['append', 't', '--ack', 'each', '--sync', 'never'], { ...where, input: 'c\n' })
  expect(JSON.parse(unsynced)).toMatchObject({ baseOffset: 2, synced: false })
  for (const sync of ['end', 'batch', '10ms']) {
    const out = await loglady(['append', sync, '--ack', 'each', '--sync', sync], { ...where, input: 'c\n' })
    expect(JSON.parse(out)).toMatchObject({ baseOffset: 0, synced: true })
  }
  const summary = await loglady(['append', 't', '--ack', 'summary'], { ...where, input: 'd\ne\n' })
  expect(JSON.parse(summary)).toEqual({
    topic: 't',
    records: 2,
    bytes: 4,
    partitions: [{ partition: 0, baseOffset: 3, lastOffset: 4, records: 2 }],
    synced: true,
    ms: expect.any(Number),
  })
})

test('-v prints the summary line, and says when nothing was synced', async () => {
  const where = place()
  const { stderr } = await append(['t', '-v'], { ...where, input: 'a\nb\n' })
  expect(stderr).toMatch(/\nappended 2 records \(4 B\) to t {2}partition 0: 0\.\.1 {2}synced {2}\d+ ms\n$/)
  const never = await append(['t', '-v', '--sync', 'never'], { ...where, input: 'c' })
  expect(never.stderr).toMatch(/^appended 1 record \(1 B\) to t {2}partition 0: 2\.\.2 {2}not synced {2}/)
  const many = await append(['m', '-v', '--partitions', '20', '--partitioner', 'round-robin'], {
    ...where,
    input: 'x\n'.repeat(20),
  })
  expect(many.stderr).toContain('appended 20 records (40 B) to m  20 partitions  synced')
})

test('compression: every codec comes back the same, and is for this run only', async () => {
  const where = place()
  const input = 'some text that repeats itself\n'.repeat(500)
  const sizes: Record<string, number> = {}
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    await loglady(['append', codec, '--compression', codec, '-q'], { ...where, input })
    expect(readValues(where.dir, codec).join('\n')).toBe(input.trimEnd())
    sizes[codec] = statSync(join(where.dir, `${codec}-0`, `${'0'.repeat(20)}.log`)).size
  }
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) expect(sizes[codec]).toBeLessThan(sizes.none! / 4)
})

test('flags that make no sense, and names that Kafka could not have, are refused before anything is made', async () => {
  const where = place()
  const refused = [
    ['t', '-J', '-0'],
    ['t', '--sync', 'sometimes'],
    ['t', '--linger', '5'],
    ['t', '--partitions', '0'],
    ['t', '-H', 'novalue'],
    ['a b'],
    ['a/b'],
  ]
  for (const args of refused) {
    const { exitCode, stderr } = await append(args, { ...where, input: 'a\n' })
    expect(exitCode, args.join(' ')).toBe(2)
    expect(stderr, args.join(' ')).not.toContain('internal error')
  }
  expect(existsSync(where.dir)).toBe(false)
})

test('a compacted topic refuses a line without a key', async () => {
  const where = place()
  await appendRecords(where.dir, 't', [], { config: { 'cleanup.policy': 'compact' } })
  const { exitCode, stderr } = await append(['t', '-K', ':', '--key-optional'], { ...where, input: 'k:v\nw\n' })
  expect(exitCode).toBe(2)
  expect(stderr).toContain('stdin: line 2: a record without a key is refused: the topic is compacted')
  expect(stderr).toContain('t/0 offsets 0-0')
})
