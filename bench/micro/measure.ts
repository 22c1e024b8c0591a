import { medianOf } from '../../src/cli/bench/statistics.ts'

const SAMPLE_MS = 50
const SAMPLES = 9

/**
 * Prints what one of the `items` that a call of `action` goes through costs: the median of nine samples of at least 50 ms,
 * after as long a warm-up, and the range. All of it is hot in cache, which real data never is: good for comparing two
 * versions of one kernel, not for adding up a command's time.
 */
export function measure(name: string, items: number, bytes: number, action: () => void): void {
  let calls = 1
  for (let took = 0; took < SAMPLE_MS; calls *= 2) took = time(action, calls)
  time(action, calls)
  const samples = Array.from({ length: SAMPLES }, () => (time(action, calls) * 1e6) / calls / items)
  const nanoseconds = medianOf(samples)
  const rate = bytes === 0 ? '' : `${(bytes / items / nanoseconds).toFixed(2)} GB/s`.padStart(12)
  const range = `${Math.min(...samples).toFixed(1)} to ${Math.max(...samples).toFixed(1)}`
  console.log(`${name.padEnd(44)}${nanoseconds.toFixed(1).padStart(10)} ns${rate}   (${range})`)
}

/** Processor time of this thread in ms, so that what else runs on the machine counts less. */
function time(action: () => void, calls: number): number {
  const began = process.threadCpuUsage()
  for (let call = 0; call < calls; call++) action()
  const { user, system } = process.threadCpuUsage(began)
  return (user + system) / 1000
}
