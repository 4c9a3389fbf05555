// dialects/Graph/TextOps.td: what is computed on strings.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_GRAPH_TEXT
#define LATHE_GRAPH_TEXT

include "dialects/Graph/GraphBase.td"

def Graph_TextOp : Graph_Op<"text"> {
  let summary = "a function on strings, or on other data, that the runtime computes";
  let description = [{
    Strings are moved by the ops that move other elements. What reads or makes text is
    a function of the runtime, which the launch program calls, and so is what needs
    tables or libraries that no kernel has. The result types say the shapes; operands
    and results have one shape, but for those with a shape below.

    | function | operands | results | parameters |
    |---|---|---|---|
    | `literal` | | strings | the text of each element |
    | `equal` | strings, strings | `i1` | |
    | `concat` | strings, strings | strings | |
    | `match` | strings | `i1`: whether all of it fits | a POSIX extended regular expression; "bytes" if it is one for the locale "C" |
    | `parse` | strings | numbers | |
    | `format` | numbers | strings | |
    | `split_width` | strings | `i64[1]`: the most parts that one has | delimiter, most splits |
    | `split` | strings | strings with one more dim, padded with ""; `i64`: parts | delimiter, most splits |
    | `filter_count` | strings `[n]` | `i64[1]`: how many are no stop words | case, stop words |
    | `filter` | strings `[n]` | strings `[m]`, those that are no stop words | case, stop words |
    | `case` | strings | strings | "LOWER" or "UPPER" |
    | `token_width` | strings | `i64[1]`: the most tokens that one has | "tokens", "separators" or "characters"; "bytes" if patterns are for the locale "C"; fewest characters of a token; "marked" or "plain"; padding; POSIX extended regular expressions |
    | `tokens` | strings | strings with one more dim, padded | the same |
    | `find` | values; keys `[n]` of the same type | `i64`: the place of the last key that is equal, or n | "text" or "numbers" |
    | `order` | strings | `i64`: how many different strings are before each, by their bytes | |
    | `murmur` | strings or numbers | `ui32` or `i32`: MurmurHash3 of the bytes of each, in 32 bits | "text" or "numbers"; the seed |
    | `random` | | `i64[1]`: bits that no other call gives | the number of the node |
    | `image_size` | `ui8[n]`: a file | `i64[2]`: the height and width of the image | |
    | `decode_image` | `ui8[n]`: a file | `ui8[h, w, channels]` | "RGB", "BGR" or "Grayscale" |
    | `custom` | `i64[n]`: the rank and the dims of each tensor; inputs; attributes | any | the operator, as "domain::name"; how many attributes; the number in `lathe_dtype` of each tensor, 0 of an input that is left out |

    `custom` calls a function that the program registers (docs/decisions/0072). Its tensors are the operands
    behind the first, then the results.

    * (C1) `function` is one of these, with as many operands, results and at least as
      many parameters.
  }];
  let arguments = (ins StrAttr:$function, Variadic<Graph_Tensor>:$arguments, StrArrayAttr:$parameters);
  let results = (outs Variadic<Graph_Tensor>:$results);
  let assemblyFormat = [{
    $function `(` $arguments `)` $parameters attr-dict `:` functional-type($arguments, $results)
  }];
  let hasVerifier = 1;
}

#endif
