/** One of several values to choose from. */
export type Choice<T> = { value: T; name: string; description?: string }

/** What can be asked on the terminal. Questions go to stderr: stdout is for the answer of the call. */
export type Prompts = {
  /** A line of text; empty when nothing was typed. `problem` says what is wrong with it. */
  line(message: string, before: string, problem: (text: string) => string | undefined): Promise<string>
  choose<T>(message: string, choices: readonly Choice<T>[], before: T | undefined): Promise<T>
  confirm(message: string, before: boolean): Promise<boolean>
}

/** Loaded when they are needed: the prompts take longer to load than most commands to run. */
export async function openPrompts(signal: AbortSignal): Promise<Prompts> {
  const { confirm, input, select } = await import('@inquirer/prompts')
  const context = { output: process.stderr, signal }
  return {
    line: (message, before, problem) =>
      input(
        {
          message,
          ...(before !== '' && { default: before, prefill: 'editable' as const }),
          validate: (text) => problem(text) ?? true,
        },
        context,
      ),
    choose: (message, choices, before) =>
      select(
        { message, choices: [...choices], loop: false, ...(before !== undefined && { default: before }) },
        context,
      ),
    confirm: (message, before) => confirm({ message, default: before }, context),
  }
}
