// tools/lathe/Completion.cpp: `lathe completion`: what shells ask while a command line is typed.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Command.h"
#include "Console.h"

#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

/// The words that an option's value may be, where there is a list of them.
static std::vector<std::string> choicesOf(const Option &option) {
  if (option.value == "PHASE")
    return phaseNames();
  if (option.name == "--target")
    return {"host", "x86_64:v2", "x86_64:v3", "x86_64:v4", "aarch64", "riscv64"};
  if (option.value == "ENGINES")
    return {"onnxruntime", "openvino", "onnxruntime,openvino"};
  return {};
}

/// The words that the operand of a command may be: "list|size". None where it is a file.
static std::string operandWords(const Command &command) {
  std::string words = command.operands.str();
  if (!StringRef(words).contains('|'))
    return "";
  std::replace(words.begin(), words.end(), '|', ' ');
  return words;
}

static std::string joined(const std::vector<std::string> &words) { return llvm::join(words, " "); }

static std::string commandNames() {
  std::vector<std::string> names;
  for (const Command *command : allCommands())
    names.push_back(command->name.str());
  return joined(names);
}

static void printBash(llvm::raw_ostream &os) {
  os << "# Completion of lathe for bash: lathe completion bash\n"
        "_lathe() {\n"
        "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options= words=\n"
        "  if ((COMP_CWORD == 1)); then\n"
        "    COMPREPLY=($(compgen -W '"
     << commandNames()
     << " help' -- \"$current\"))\n"
        "    return\n"
        "  fi\n"
        "  case ${COMP_WORDS[1]}:$before in\n"
        "  help:*) words='"
     << commandNames() << "' ;;\n";
  for (const Command *command : allCommands())
    for (const Option &option : command->options)
      if (std::vector<std::string> choices = choicesOf(option); !choices.empty())
        os << "  " << command->name << ":" << option.name << ") words='" << joined(choices) << "' ;;\n";
  os << "  esac\n"
        "  case ${COMP_WORDS[1]} in\n";
  for (const Command *command : allCommands()) {
    std::vector<std::string> names = {"--help"};
    for (const Option &option : command->options)
      names.push_back(option.name.str());
    os << "  " << command->name << ") options='" << joined(names) << "'";
    if (std::string words = operandWords(*command); !words.empty())
      os << "; words=${words:-" << words << "}";
    os << " ;;\n";
  }
  os << "  esac\n"
        "  if [[ $current == -* ]]; then\n"
        "    COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
        "  elif [[ $words ]]; then\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
        "  else\n"
        "    compopt -o filenames 2>/dev/null\n"
        "    COMPREPLY=($(compgen -f -- \"$current\"))\n"
        "  fi\n"
        "}\n"
        "complete -F _lathe lathe\n";
}

/// `text` between quotes of a shell, without `special` characters.
static std::string quotedFor(StringRef text, StringRef special) {
  std::string result;
  for (char c : text) {
    if (c == '\'')
      result += "'\\'";
    else if (special.contains(c))
      result += '\\';
    result += c;
  }
  return result;
}

static void printZsh(llvm::raw_ostream &os) {
  os << "#compdef lathe\n"
        "# Completion of lathe for zsh: lathe completion zsh\n"
        "_lathe() {\n"
        "  local -a commands\n"
        "  commands=(\n";
  for (const Command *command : allCommands())
    os << "    '" << command->name << ":" << quotedFor(command->summary, ":") << "'\n";
  os << "  )\n"
        "  if ((CURRENT == 2)); then\n"
        "    _describe command commands\n"
        "    return\n"
        "  fi\n"
        "  local command=$words[2]\n"
        "  shift words\n"
        "  ((CURRENT--))\n"
        "  case $command in\n";
  for (const Command *command : allCommands()) {
    os << "  " << command->name << ")\n    _arguments -s \\\n";
    for (const Option &option : command->options) {
      os << "      " << (option.repeats ? "'*" : "'") << option.name << "[" << quotedFor(option.help, "[]:") << "]";
      if (!option.value.empty()) {
        os << ":" << quotedFor(option.value, ":") << ":";
        if (std::vector<std::string> choices = choicesOf(option); !choices.empty())
          os << "(" << quotedFor(joined(choices), ":") << ")";
        else if (StringRef(option.value).contains("FILE"))
          os << "_files";
        else if (option.value == "DIR")
          os << "_files -/";
      }
      os << "' \\\n";
    }
    std::string words = operandWords(*command);
    os << "      '--help[print the help of the command]' '*:file:" << (words.empty() ? "_files" : "(" + words + ")")
       << "'\n    ;;\n";
  }
  os << "  esac\n"
        "}\n"
        "_lathe \"$@\"\n";
}

static void printFish(llvm::raw_ostream &os) {
  os << "# Completion of lathe for fish: lathe completion fish\n";
  for (const Command *command : allCommands()) {
    os << "complete -c lathe -n __fish_use_subcommand -f -a " << command->name << " -d '"
       << quotedFor(command->summary, "") << "'\n";
    std::string seen = ("complete -c lathe -n '__fish_seen_subcommand_from " + command->name + "'").str();
    if (std::string words = operandWords(*command); !words.empty())
      os << seen << " -f -a '" << words << "'\n";
    for (const Option &option : command->options) {
      os << seen << " -l " << StringRef(option.name).drop_front(2);
      if (!option.letter.empty())
        os << " -s " << StringRef(option.letter).drop_front(1);
      if (option.form != Form::Flag)
        os << " -r";
      if (std::vector<std::string> choices = choicesOf(option); !choices.empty())
        os << " -f -a '" << joined(choices) << "'";
      os << " -d '" << quotedFor(option.help, "") << "'\n";
    }
  }
}

namespace {
struct Shell {
  llvm::StringLiteral name;
  void (*print)(llvm::raw_ostream &os);
};
} // namespace

static constexpr Shell shells[] = {{"bash", printBash}, {"zsh", printZsh}, {"fish", printFish}};

static int run(const Arguments &arguments) {
  StringRef wanted = arguments.operands.front();
  llvm::SmallVector<StringRef> names;
  for (const Shell &shell : shells) {
    if (wanted == shell.name) {
      shell.print(llvm::outs());
      return Ok;
    }
    names.push_back(shell.name);
  }
  return usageError("cli-unknown-shell", "lathe completion",
                    "there is no completion for " + quoted(wanted) + "; there is one for " + llvm::join(names, ", "));
}

const Command &cli::completionCommand() {
  static const Command command = {"completion",
                                  "print what completes command lines in a shell",
                                  "bash|zsh|fish",
                                  1,
                                  1,
                                  "Prints a script that teaches a shell the commands and options of this program. The\n"
                                  "installation puts the scripts where the shells look for them.",
                                  "  lathe completion bash >> ~/.bashrc\n"
                                  "  lathe completion zsh > ~/.zfunc/_lathe\n"
                                  "  lathe completion fish > ~/.config/fish/completions/lathe.fish",
                                  {},
                                  run};
  return command;
}
