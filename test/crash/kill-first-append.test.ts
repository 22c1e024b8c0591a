import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loglady, runLoglady, startLoglady } from '../helpers/run-loglady.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const PARTITIONS = 3
/** The directory, its locks, the topic's entry and three folders, each prepared file by file; some steps are seen as one. */
const MOMENTS = 14

function listing(dir: string): string {
  try {
    return readdirSync(dir, { recursive: true }).join('\n')
  } catch {
    return ''
  }
}

/** Kills the first append to a directory when its listing has changed so many times. */
async function killedFirstAppend(dir: string, changes: number): Promise<void> {
  const child = startLoglady(['append', 't', '--partitions', `${PARTITIONS}`, '--sync', 'batch'], { dir })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdin!.on('error', () => {}) // it is killed with lines in the pipe
  child.stdin!.end('lost or not\n'.repeat(3))
  let last = ''
  // Without a pause: the steps are some ten microseconds apart.
  for (let seen = 0, end = performance.now() + 5000; seen <= changes && performance.now() < end; ) {
    const now = listing(dir)
    if (now === last) continue
    last = now
    seen++
  }
  child.kill('SIGKILL')
  await child
}

test('kill -9 while directory, topic and partitions are made: readers see an empty topic, the next append completes it', async () => {
  for (let changes = 0; changes < MOMENTS; changes++) {
    const dir = join(temporaryFolder(), 'data')
    await killedFirstAppend(dir, changes)
    const state = listing(dir)
    const before = await runLoglady(['read', 't'], { dir })
    const hasTopic = state.includes('loglady-topics.json\n')
    if (hasTopic)
      expect({ exitCode: before.exitCode, stderr: before.stderr }, state).toEqual({ exitCode: 0, stderr: '' })
    else expect(before.exitCode, state).toBe(2)

    await loglady(['append', 't', '-q', '--partitions', `${PARTITIONS}`], { dir, input: 'after it\n' })
    const after = await loglady(['read', 't'], { dir })
    expect(after, state).toBe(`${before.stdout}after it\n`)
    const folders = readdirSync(dir).filter(name => name.startsWith('t-'))
    expect(folders.sort(), state).toEqual(['t-0', 't-1', 't-2'])
  }
}, 600_000)
