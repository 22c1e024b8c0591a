export type ColourWhen = 'auto' | 'always' | 'never'

/** The colours that are used, by their meaning; without colour each gives back its text. */
export interface Palette {
  heading(text: string): string
  faint(text: string): string
  good(text: string): string
  warning(text: string): string
  bad(text: string): string
}

const same = (text: string): string => text
const plain: Palette = { heading: same, faint: same, good: same, warning: same, bad: same }

/** `--color` first, then `$NO_COLOR` (no-color.org: set and not empty), then whether a terminal that can is at the other end. */
export function isColourWanted(when: ColourWhen, stream: { isTTY?: boolean }, env = process.env): boolean {
  if (when !== 'auto') return when === 'always'
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
}

/** Imports chalk, 10 to 20 ms, only if there is colour. */
export async function paletteFor(when: ColourWhen, stream: { isTTY?: boolean }): Promise<Palette> {
  if (!isColourWanted(when, stream)) return plain
  const { Chalk, supportsColor } = await import('chalk')
  // A level of our own: chalk does not know NO_COLOR, and sees no colour in a pipe even where --color=always wants it.
  const chalk = new Chalk({ level: supportsColor === false ? 1 : supportsColor.level })
  return {
    heading: text => chalk.bold(text),
    faint: text => chalk.dim(text),
    good: text => chalk.green(text),
    warning: text => chalk.yellow(text),
    bad: text => chalk.red(text),
  }
}
