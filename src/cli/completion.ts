export type Shell = 'bash' | 'zsh' | 'fish'

/** The files that a shell completes by itself, as the first line of what `deed __complete` prints; else it is `values`. */
export const directives = ['values', 'open', 'files', 'folders', 'data'] as const

/** `deed completion`: a script for a shell's start-up file. It asks the installation that `program` is of. */
export function completionScript(shell: Shell, program: string): string {
  return scripts[shell]([process.execPath, program])
}

const scripts: Readonly<Record<Shell, (command: readonly string[]) => string>> = {
  bash: (command) => `# Completion of deed for bash: source <(npx deed completion bash)
_deed() {
  local cur=\${COMP_WORDS[COMP_CWORD]} kind line
  local -a lines
  mapfile -t lines < <(${posix(command)} __complete bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  kind=\${lines[0]:-values}
  COMPREPLY=("\${lines[@]:1}")
  [[ $cur == "=" ]] && cur=
  case $kind in
    open) compopt -o nospace ;;
    data)
      # @ is a word of its own, unless COMP_WORDBREAKS says otherwise.
      local at=
      [[ $cur == @* && $COMP_WORDBREAKS != *@* ]] && at=@
      cur=\${cur#@}
      compopt -o filenames
      while IFS= read -r line; do COMPREPLY+=("$at$line"); done < <(compgen -f -- "$cur") ;;
    files)
      compopt -o filenames
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur") ;;
    folders)
      compopt -o filenames
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$cur") ;;
  esac
}
complete -F _deed deed`,
  zsh: (command) => `#compdef deed
# Completion of deed for zsh: source <(npx deed completion zsh)
_deed() {
  local kind line
  local -a lines values
  lines=("\${(@f)$(${posix(command)} __complete zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  kind=\${lines[1]:-values}
  for line in "\${(@)lines[2,-1]}"; do
    [[ -n $line ]] && values+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  case $kind in
    open) _describe -V deed values -S '' ;;
    data) compset -P '@'; _files ;;
    files) _files ;;
    folders) _files -/ ;;
    *) (( $#values )) && _describe -V deed values ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _deed "$@"; else compdef _deed deed; fi`,
  fish: (command) => `# Completion of deed for fish: npx deed completion fish | source
function __deed_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l lines (${fish(command)} __complete fish -- $words[2..] 2>/dev/null)
  switch "$lines[1]"
    case data
      set -l path (string replace -r '^@' '' -- (commandline -ct))
      for file in (complete -C"'' $path" 2>/dev/null)
        printf '@%s\\n' $file
      end
    case files
      __fish_complete_path (commandline -ct)
    case folders
      __fish_complete_directories (commandline -ct)
    case '*'
      test (count $lines) -gt 1; and printf '%s\\n' $lines[2..]
  end
end
complete -c deed -f -a '(__deed_complete)'`,
}

function posix(command: readonly string[]): string {
  return command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
}

function fish(command: readonly string[]): string {
  return command.map((word) => `'${word.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`).join(' ')
}
