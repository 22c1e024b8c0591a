import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { appendRecords } from '../helpers/append-records.ts'
import { eventually } from '../helpers/eventually.ts'
import { pipeInto, shell } from '../helpers/piped-loglady.ts'
import { loglady, logladyInShell, runLoglady } from '../helpers/run-loglady.ts'
import { sharedTemporaryFolder, temporaryFolder } from '../helpers/temporary-folder.ts'
import { hasTerminal, runInTerminal } from '../helpers/terminal.ts'

const dir = join(sharedTemporaryFolder(), 'data')
const lineCount = 300_000
/** 100 bytes with its newline: 30 MB in all, many blocks and many pipes full. */
const lineOf = (i: number) => `${String(i).padStart(8, '0')} ${'x'.repeat(90)}`
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash's
const statuses = 'echo "${PIPESTATUS[@]}"'

beforeAll(async () => {
  const lines = function* () {
    for (let i = 0; i < lineCount; i++) yield { value: lineOf(i), timestamp: 1_700_000_000_000 + i }
  }
  await appendRecords(dir, 'long', lines(), { config: { 'segment.bytes': '8388608' } })
  await appendRecords(dir, 'short', [{ value: 'one' }, { value: 'two' }, { value: 'three' }])
})

describe('pipe manners', () => {
  test('a reader that leaves ends the read at once, with 0 and without a word', async () => {
    const { stdout, stderr } = await shell(`loglady read long | head -1; ${statuses}`, { dir })
    expect([stdout, stderr]).toEqual([`${lineOf(0)}\n0 0\n`, ''])
  })

  test('a reader that reads nothing is no error either', async () => {
    const { stdout, stderr } = await shell(`loglady read long -J | true; ${statuses}`, { dir })
    expect([stdout, stderr]).toEqual(['0 0\n', ''])
  })

  test('a slow reader gets all of 300,000 lines', async () => {
    // 15 s in all, which is longer than anything waits that gives up on stdout.
    const slowly = 'for i in 1 2 3 4 5; do head -c 10000; sleep 3; done; cat'
    const { stdout } = await shell(`loglady read long | { ${slowly}; } | sha256sum`, { dir })
    const hash = createHash('sha256')
    for (let i = 0; i < lineCount; i++) hash.update(`${lineOf(i)}\n`)
    expect(stdout.split(' ')[0]).toBe(hash.digest('hex'))
  })

  test('no output is cut, in a file and in a pipe that is read late', async () => {
    const file = join(temporaryFolder(), 'out')
    await shell(`loglady read long -J > ${file}`, { dir })
    const lines = readFileSync(file, 'utf8').split('\n')
    expect(lines.length).toBe(lineCount + 1)
    expect(JSON.parse(lines[lineCount - 1]!)).toMatchObject({ offset: lineCount - 1, value: lineOf(lineCount - 1) })
    const late = await shell('loglady read long -o -20000 | { sleep 1; cat; } | wc -lc', { dir })
    expect(late.stdout.trim()).toMatch(/^20000\s+2000000$/)
  })

  test('a loop around it keeps its input', async () => {
    const loop = 'while read -r word; do loglady read short -c 1; loglady tail short -n 1; echo "$word"; done'
    const { stdout } = await shell(`printf 'a\\nb\\n' | ${loop}`, { dir })
    expect(stdout).toBe('one\nthree\na\none\nthree\nb\n')
  })

  test('it needs no stdin', async () => {
    expect((await shell('loglady read short <&-', { dir })).stdout).toBe('one\ntwo\nthree\n')
  })

  test('a full disk behind stdout is exit 2', async () => {
    const { stderr, stdout } = await shell('loglady read long > /dev/full; echo $?', { dir })
    expect(stdout).toBe('2\n')
    expect(stderr).toMatch(/^loglady read: cannot write to stdout: ENOSPC/)
  })

  test('the pipe stays blocking for whoever shares it', async () => {
    const { pid, stdout } = pipeInto('head -c 100; sleep 60', ['read', 'long'], { dir })
    await eventually(() => stdout().length === 100)
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/1`, 'utf8'))![1]!
    expect(Number.parseInt(flags, 8) & 0o4000).toBe(0)
  })
})

describe('signals', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends a read with %i, though its reader has stopped reading', async (signal, exitCode) => {
    const { child, ended, stdout } = pipeInto('head -c 1000; sleep 60', ['read', 'long'], { dir })
    await eventually(() => stdout().length === 1000)
    // Time to fill the pipe and to be stuck in a write.
    await sleep(300)
    child.kill(signal)
    expect(await ended).toBe(exitCode)
  })

  test('what was printed before a signal arrives whole where it is still read', async () => {
    const reader = pipeInto('cat', ['read', 'short', '--follow'], { dir })
    await eventually(() => reader.stdout().includes('three'))
    reader.child.kill('SIGINT')
    expect(await reader.ended).toBe(130)
    expect(reader.stdout()).toBe('one\ntwo\nthree\n')
  })
})

describe('offsets are committed as far as the reader took the records', () => {
  const committed = (group: string) => {
    const path = join(dir, `loglady-group-${group}.checkpoint`)
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }
  const offsetIn = (text: string) => Number(/^long 0 (\d+)$/m.exec(text)?.[1] ?? Number.NaN)

  test('all of it at the end', async () => {
    const { stdout } = await shell('loglady read long --group whole | { sleep 1; cat; } | wc -l', { dir })
    expect(stdout.trim()).toBe(String(lineCount))
    expect(offsetIn(committed('whole'))).toBe(lineCount)
  })

  test('nothing when the reader leaves in the middle', async () => {
    await shell('loglady read long --group leaving | head -2000 > /dev/null', { dir })
    expect(committed('leaving')).toBe('')
    await shell('loglady read short --group unread | true', { dir })
    expect(committed('unread')).toBe('')
  })

  test('what it took out of the pipe when a signal ends the read, and no more', async () => {
    const { child, ended } = pipeInto(
      'head -c 1000000 > /dev/null; echo done; sleep 60',
      ['read', 'long', '--group', 'g'],
      { dir },
    )
    await new Promise(resolve => child.stdout!.once('data', resolve))
    // The pipe fills up again behind what was taken.
    await sleep(500)
    child.kill('SIGTERM')
    expect(await ended).toBe(143)
    const offset = offsetIn(committed('g'))
    expect(offset).toBeLessThanOrEqual(10_000)
    expect(offset).toBeGreaterThan(9_800)
    const next = await shell('loglady read long --group g | head -1', { dir })
    expect(next.stdout).toBe(`${lineOf(offset)}\n`)
  })

  test('every five seconds while the reader goes on', async () => {
    const reader = 'head -c 500000 > /dev/null; sleep 60'
    const { child, ended } = pipeInto(reader, ['read', 'long', '--group', 'slow'], { dir })
    const offset = offsetIn(await eventually(() => committed('slow') || undefined))
    expect(offset).toBeLessThanOrEqual(5000)
    expect(offset).toBeGreaterThan(4800)
    child.kill('SIGKILL')
    await ended
    expect(offsetIn(committed('slow'))).toBe(offset)
  })

  test('what was written to a file', async () => {
    await shell('loglady read long --group file -c 7 > /dev/null', { dir })
    expect(offsetIn(committed('file'))).toBe(7)
    const cursor = join(temporaryFolder(), 'cursor')
    await shell(`loglady read long --cursor-file ${cursor} -c 9 > ${cursor}.out`, { dir })
    expect(readFileSync(cursor, 'utf8')).toBe('0\n1\nlong 0 9\n')
  })

  test('also of records that come while following', async () => {
    await appendRecords(dir, 'growing', [{ value: 'a' }])
    const { child, stdout, ended } = pipeInto('cat', ['read', 'growing', '--group', 'g', '--follow'], { dir })
    await eventually(() => stdout() === 'a\n')
    await appendRecords(dir, 'growing', [{ value: 'b' }, { value: 'c' }])
    await eventually(() => stdout() === 'a\nb\nc\n')
    child.kill('SIGINT')
    expect(await ended).toBe(130)
    expect(await loglady(['read', 'growing', '--group', 'g'], { dir })).toBe('')
  })

  test('a second reader of the group exits 4', async () => {
    const { stdout } = pipeInto('cat', ['read', 'short', '--group', 'busy', '--follow'], { dir })
    await eventually(() => stdout().includes('three'))
    const second = await runLoglady(['read', 'short', '--group', 'busy'], { dir })
    expect(second.exitCode).toBe(4)
    expect(second.stderr).toContain('the group busy is in use')
    expect((await runLoglady(['read', 'short', '--group', 'free', '-c', '1'], { dir })).exitCode).toBe(0)
  })
})

describe('a busy writer', () => {
  test('can not make a read endless, and a following one sees everything', async () => {
    const writer = `seq 1 40000 | while read -r i; do echo "$i"; done | loglady append busy -q --linger 0`
    const follow = 'loglady read busy --follow -c 40000'
    const line = `echo 0 | loglady append busy -q; ${writer} & ${follow} > followed; loglady read busy > once; wait; wc -l < followed`
    const folder = temporaryFolder()
    const { stdout } = await shell(`cd ${folder}; ${line}`, { dir })
    expect(stdout.trim()).toBe('40000')
    const followed = readFileSync(join(folder, 'followed'), 'utf8')
    expect(followed).toBe(Array.from({ length: 40_000 }, (_, i) => `${i}\n`).join(''))
    expect(readFileSync(join(folder, 'once'), 'utf8').startsWith(followed)).toBe(true)
  })
})

describe('following a range', () => {
  test('ends where the range does, also where that is not there yet', async () => {
    const at = (ms: number) => 1_700_000_000_000 + ms
    await appendRecords(dir, 'range', [{ value: '0', timestamp: at(0) }])
    const byOffset = pipeInto('cat', ['read', 'range', '-o', ':3', '--follow'], { dir })
    const times = `@${at(0)}:@${at(2000)}`
    const byTime = pipeInto('cat', ['read', 'range', '-o', times, '--follow', '-f', '%v\\n'], { dir })
    await eventually(() => byOffset.stdout() === '0\n' && byTime.stdout() === '0\n')
    for (const [value, ms] of [
      ['1', 1500],
      ['2', 1999],
      ['3', 2000],
      ['4', 1200],
    ] as const) {
      await appendRecords(dir, 'range', [{ value, timestamp: at(ms) }])
    }
    expect(await Promise.all([byOffset.ended, byTime.ended])).toEqual([0, 0])
    expect([byOffset.stdout(), byTime.stdout()]).toEqual(['0\n1\n2\n', '0\n1\n2\n'])
  })
})

describe('damage', () => {
  async function damagedTopic(): Promise<{ dir: string; path: string; position: number }> {
    const folder = join(temporaryFolder(), 'data')
    // One batch each, synced and checked: below the recovery point.
    for (let batch = 0; batch < 3; batch++) {
      const input = Array.from({ length: 10 }, (_, i) => `record ${batch * 10 + i}\n`).join('')
      await loglady(['append', 't', '-q'], { dir: folder, input })
    }
    const path = join(folder, 't-0', '00000000000000000000.log')
    const bytes = readFileSync(path)
    const position = bytes.readInt32BE(8) + 12
    bytes[position + 100]! ^= 1
    writeFileSync(path, bytes)
    return { dir: folder, path, position }
  }
  const lines = (from: number, until: number) =>
    Array.from({ length: until - from }, (_, i) => `record ${from + i}\n`).join('')

  test('what was printed before it is valid, and it is told with path, byte and offsets', async () => {
    const { dir: damaged, position } = await damagedTopic()
    for (const flags of [[], ['-f', '%v\\n']]) {
      const { exitCode, stdout, stderr } = await runLoglady(['read', ...flags], { dir: damaged })
      expect([exitCode, stdout.toString()]).toEqual([3, lines(0, 10)])
      expect(stderr).toMatch(
        new RegExp(`^loglady read: t-0/0{20}\\.log: CRC mismatch, .* at byte ${position} \\(offsets 10-19\\)\\nhint: `),
      )
    }
    const tail = await runLoglady(['tail', '-n', '12'], { dir: damaged })
    expect([tail.exitCode, tail.stdout.toString()]).toEqual([3, lines(20, 30)])
    const json = await runLoglady(['read', '-J', '-o', '12'], { dir: damaged })
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: 'LOGLADY_CORRUPT_LOG',
      position,
      firstOffset: 10,
      lastOffset: 19,
    })
  })

  test('--skip-corrupt goes on behind it and says what that leaves out', async () => {
    const { dir: damaged, position } = await damagedTopic()
    for (const [flags, expected] of [
      [['read'], lines(0, 10) + lines(20, 30)],
      [['read', '-o', '-12'], lines(8, 10) + lines(20, 30)],
      [['tail', '-n', '12'], lines(8, 10) + lines(20, 30)],
      [['read', '-r', '-c', '11'], `${(lines(9, 10) + lines(20, 30)).trimEnd().split('\n').reverse().join('\n')}\n`],
    ] as [string[], string][]) {
      const { exitCode, stdout, stderr } = await runLoglady([...flags, '--skip-corrupt'], { dir: damaged })
      expect([flags, exitCode, stdout.toString()]).toEqual([flags, 3, expected])
      expect(stderr).toMatch(
        new RegExp(`skipped t-0/0{20}\\.log: \\d+ bytes from byte ${position} on, offsets 10-19: CRC mismatch`),
      )
      expect(stderr.trim().split('\n').length).toBe(1)
    }
  })
})

test.runIf(hasTerminal)(
  'on a terminal unprintable bytes are escaped unless --raw, and elsewhere they never are',
  async () => {
    const nasty = 'a\x1b[31m\x07\u009bb \xff'
    const input = Buffer.concat([Buffer.from(nasty.slice(0, -1)), Buffer.from([0xff]), Buffer.from('\té\n')])
    await loglady(['append', 'nasty', '-q'], { dir, input })
    const { shown } = await runInTerminal(`${logladyInShell} read nasty`, { dir })
    expect(shown).toBe('a\\x1b[31m\\x07\\xc2\\x9bb \\xff\té\n')
    const json = await runInTerminal(`${logladyInShell} read nasty -f '%v{json}\\n'`, { dir })
    expect(JSON.parse(json.shown)).toEqual({ base64: input.subarray(0, -1).toString('base64') })
    const { stdout } = await runLoglady(['read', 'nasty'], { dir })
    expect(stdout.equals(input)).toBe(true)
  },
)
