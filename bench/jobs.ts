import { join } from 'node:path'

/** Shell words and paths for one benchmark; every path lies in its temporary folder and needs no quotes. */
export interface Place {
  folder: string
  /** The lines. */
  input: string
  lines: number
  bytes: number
  /** What a shell starts loglady with. */
  loglady: string
}

export interface Command {
  /** As the report shows it. */
  text: string
  /** Cleans up before each run; not timed. */
  before?: string
  /** Exit status 0 if the run did what it should; not timed. */
  check: string
}

/** A command of loglady's beside one of the system's that moves the same bytes. */
export interface Job {
  /** Jobs are chosen by this or by the part in front of the dash. */
  name: string
  loglady: Command
  baseline: Command
}

const TOPIC = 'lines'

/** In the order in which they run: the first one makes the log that the readers read. */
export function jobsIn(place: Place): Job[] {
  const { folder, input, lines, loglady } = place
  const out = join(folder, 'out')
  const data = join(folder, 'data')
  const logs = `${data}/${TOPIC}-0/*.log`
  const read = `${loglady} read -q -d ${data} ${TOPIC}`
  const count = join(folder, 'count')
  const isCounted = `test "$(cat ${count})" -eq ${lines}`
  const append = (source: string, file: string): Command => ({
    text: `${source}${loglady} append -q -d ${data} ${TOPIC}${file}`,
    before: `rm -rf ${data}`,
    check: `${read} | cmp - ${input}`,
  })
  return [
    {
      name: 'append-pipe',
      loglady: append(`cat ${input} | `, ''),
      baseline: {
        text: `cat ${input} | cat > ${out}; sync ${out}`,
        before: `rm -f ${out}`,
        check: `cmp ${input} ${out} && rm ${out}`,
      },
    },
    {
      name: 'append-file',
      loglady: append('', ` ${input}`),
      baseline: {
        text: `cat ${input} > ${out}; sync ${out}`,
        before: `rm -f ${out}`,
        check: `cmp ${input} ${out} && rm ${out}`,
      },
    },
    {
      name: 'read-file',
      loglady: { text: `${read} > ${out}`, before: `rm -f ${out}`, check: `cmp ${input} ${out} && rm ${out}` },
      baseline: {
        text: `cat ${logs} > ${out}`,
        before: `rm -f ${out}`,
        check: `cat ${logs} | cmp - ${out} && rm ${out}`,
      },
    },
    {
      name: 'read-pipe',
      loglady: { text: `${read} | wc -l > ${count}`, check: isCounted },
      baseline: { text: `cat ${input} | wc -l > ${count}`, check: isCounted },
    },
  ]
}

/** What makes the log if no append runs. */
export function makeLog({ loglady, folder, input }: Place): string {
  return `${loglady} append -q -d ${join(folder, 'data')} ${TOPIC} ${input}`
}
