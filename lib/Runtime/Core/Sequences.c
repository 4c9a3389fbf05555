/* lib/Runtime/Core/Sequences.c: makes sequences and optional values for generated
 * code.
 *
 * A value never changes once it is made: an insertion makes another one. All that
 * came of one by insertions at its end share one array of elements, as long as
 * each is made of the last, so that a loop that collects n elements takes O(n).
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Sequences.h"

#include <string.h>

/* What stands before an array of elements that was made here. */
struct array {
  int64_t used, capacity;
  lathe_tensor elements[];
};

/* A value that was made here, and where its elements come from; NULL for those
 * that are in no array. Its `reserved` is MADE; that of an input is 0. */
struct made {
  lathe_value value;
  struct array *array;
};

#define MADE 1u

/* What one request sees of the call. */
struct maker {
  const lathe_imports *imports;
  lathe_call *call;
};

static void *fail(const struct maker *maker, int32_t code, int64_t a, int64_t b) {
  maker->call->error_code = code;
  maker->call->error_values[0] = a;
  maker->call->error_values[1] = b;
  return NULL;
}

static void *take(const struct maker *maker, size_t size) {
  void *memory = size > PTRDIFF_MAX ? NULL : maker->imports->alloc(maker->imports->context, size, LATHE_ALIGNMENT);
  return memory ? memory : fail(maker, LATHE_TASK_OUT_OF_MEMORY, 0, 0);
}

static struct made *make(const struct maker *maker, lathe_kind kind) {
  struct made *result = take(maker, sizeof *result);
  if (result) {
    memset(result, 0, sizeof *result);
    result->value.kind = kind;
    result->value.reserved = MADE;
  }
  return result;
}

static lathe_value *finish(struct made *made) { return made ? &made->value : NULL; }

/* --- Tensors ------------------------------------------------------------ */

/* Copies the description, and makes memory for its elements. */
static bool make_tensor(const struct maker *maker, const lathe_tensor *like, lathe_tensor *result) {
  size_t bytes = 0;
  *result = *like;
  if (!lathe_impl_bytes(like->dtype, like->rank, like->dims, &bytes)) {
    fail(maker, LATHE_TASK_OUT_OF_MEMORY, 0, 0);
    return false;
  }
  result->data = take(maker, bytes ? bytes : 1);
  return result->data;
}

static bool copy_tensor(const struct maker *maker, const lathe_tensor *from, lathe_tensor *result) {
  size_t bytes = 0;
  if (!make_tensor(maker, from, result))
    return false;
  lathe_impl_bytes(from->dtype, from->rank, from->dims, &bytes);
  if (bytes)
    memcpy(result->data, from->data, bytes);
  return true;
}

/* The bytes of what lies behind dim `axis`, for each of its sizes, and how often
 * that comes. */
static void measure(const lathe_tensor *tensor, uint32_t axis, size_t *inner, size_t *outer) {
  *inner = lathe_dtype_size(tensor->dtype);
  *outer = 1;
  for (uint32_t d = 0; d < tensor->rank; ++d)
    if (d < axis)
      *outer *= (size_t)tensor->dims[d];
    else if (d > axis)
      *inner *= (size_t)tensor->dims[d];
}

/* --- Sequences ---------------------------------------------------------- */

/* A sequence of `count` elements, with room for `capacity`. */
static struct made *make_sequence(const struct maker *maker, int64_t count, int64_t capacity) {
  if ((uint64_t)capacity > PTRDIFF_MAX / sizeof(lathe_tensor) - 1)
    return fail(maker, LATHE_TASK_OUT_OF_MEMORY, 0, 0);
  struct made *result = make(maker, LATHE_KIND_SEQUENCE);
  struct array *array = result ? take(maker, sizeof *array + (size_t)capacity * sizeof *array->elements) : NULL;
  if (!array)
    return NULL;
  array->used = count;
  array->capacity = capacity;
  result->array = array;
  result->value.count = count;
  result->value.elements = array->elements;
  return result;
}

static struct array *array_of(const lathe_value *sequence) {
  return sequence && sequence->reserved == MADE ? ((const struct made *)sequence)->array : NULL;
}

/* The value's own array, if the next element behind its last is free there. */
static struct array *shared_array(const lathe_value *sequence) {
  struct array *array = array_of(sequence);
  if (!array)
    return NULL;
  bool is_last = sequence->elements + sequence->count == array->elements + array->used;
  return is_last && array->used < array->capacity ? array : NULL;
}

/* From 0 to `limit`, or -1 after an error. */
static int64_t position_of(const struct maker *maker, int64_t position, int64_t count, int64_t limit) {
  int64_t counted = position < 0 ? position + count : position;
  if (counted >= 0 && counted <= limit)
    return counted;
  fail(maker, 1, position, count);
  return -1;
}

static lathe_value *insert(const struct maker *maker, const lathe_value *sequence, const lathe_tensor *element,
                           int64_t position, bool is_given) {
  int64_t count = sequence ? sequence->count : 0;
  int64_t at = is_given ? position_of(maker, position, count, count) : count;
  lathe_tensor copy;
  if (at < 0 || !copy_tensor(maker, element, &copy))
    return NULL;
  struct array *array = at == count ? shared_array(sequence) : NULL;
  if (array) {
    struct made *result = make(maker, LATHE_KIND_SEQUENCE);
    if (!result)
      return NULL;
    array->elements[array->used++] = copy;
    result->array = array;
    result->value.elements = sequence->elements;
    result->value.count = count + 1;
    return &result->value;
  }
  struct made *result = make_sequence(maker, count + 1, count < 4 ? 8 : 2 * count);
  if (!result)
    return NULL;
  lathe_tensor *elements = result->value.elements;
  if (at > 0)
    memcpy(elements, sequence->elements, (size_t)at * sizeof *elements);
  elements[at] = copy;
  if (at < count)
    memcpy(elements + at + 1, sequence->elements + at, (size_t)(count - at) * sizeof *elements);
  return &result->value;
}

static lathe_value *erase(const struct maker *maker, const lathe_value *sequence, int64_t position, bool is_given) {
  int64_t count = sequence->count;
  int64_t at = position_of(maker, is_given ? position : -1, count, count - 1);
  if (at < 0)
    return NULL;
  if (at > 0 && at < count - 1) {
    struct made *result = make_sequence(maker, count - 1, count - 1);
    if (!result)
      return NULL;
    lathe_tensor *elements = result->value.elements;
    memcpy(elements, sequence->elements, (size_t)at * sizeof *elements);
    memcpy(elements + at, sequence->elements + at + 1, (size_t)(count - 1 - at) * sizeof *elements);
    return &result->value;
  }
  /* A queue or a stack: the others stay where they are. */
  struct made *result = make(maker, LATHE_KIND_SEQUENCE);
  if (!result)
    return NULL;
  result->array = array_of(sequence);
  result->value.elements = sequence->elements + (at == 0);
  result->value.count = count - 1;
  return &result->value;
}

static lathe_value *at(const struct maker *maker, const lathe_value *sequence, int64_t position, int64_t rank) {
  int64_t place = position_of(maker, position, sequence->count, sequence->count - 1);
  if (place < 0)
    return NULL;
  const lathe_tensor *element = &sequence->elements[place];
  if (element->rank != rank)
    return fail(maker, 1, element->rank, rank);
  struct made *result = make(maker, LATHE_KIND_TENSOR);
  if (result)
    result->value.tensor = *element;
  return finish(result);
}

/* --- Parts of a tensor, and back ---------------------------------------- */

static int64_t integer_at(const lathe_tensor *tensor, int64_t i) {
  return tensor->dtype == LATHE_DTYPE_I32 ? ((const int32_t *)tensor->data)[i] : ((const int64_t *)tensor->data)[i];
}

/* How many parts `size` has; -1 after an error. */
static int64_t count_parts(const struct maker *maker, const lathe_tensor *split, int64_t size) {
  if (!split)
    return size;
  if (split->rank == 0) {
    int64_t part = integer_at(split, 0);
    if (part > 0)
      return size / part + (size % part != 0);
    fail(maker, 1, part, size);
    return -1;
  }
  int64_t sum = 0;
  for (int64_t i = 0; i < split->dims[0]; ++i) {
    int64_t part = integer_at(split, i);
    if (part < 0 || part > size - sum) {
      fail(maker, 1, part < 0 || part > INT64_MAX - sum ? part : sum + part, size);
      return -1;
    }
    sum += part;
  }
  if (sum == size)
    return split->dims[0];
  fail(maker, 1, sum, size);
  return -1;
}

static lathe_value *split_tensor(const struct maker *maker, const lathe_tensor *tensor, const lathe_tensor *split,
                                 uint32_t axis, bool drops_axis) {
  int64_t size = tensor->dims[axis], count = count_parts(maker, split, size), first = 0;
  struct made *result = count < 0 ? NULL : make_sequence(maker, count, count);
  if (!result)
    return NULL;
  size_t inner, outer;
  measure(tensor, axis, &inner, &outer);
  for (int64_t i = 0; i < count; ++i) {
    int64_t part = split ? integer_at(split, split->rank ? i : 0) : 1;
    part = part < size - first ? part : size - first;
    lathe_tensor like = *tensor, *made = &result->value.elements[i];
    like.dims[axis] = part;
    if (!make_tensor(maker, &like, made))
      return NULL;
    size_t bytes = (size_t)part * inner, row = (size_t)size * inner;
    for (size_t o = 0; bytes && o < outer; ++o)
      memcpy((char *)made->data + o * bytes, (const char *)tensor->data + o * row + (size_t)first * inner, bytes);
    first += part;
    if (!drops_axis)
      continue;
    made->rank--;
    for (uint32_t d = axis; d < made->rank; ++d)
      made->dims[d] = made->dims[d + 1];
  }
  return &result->value;
}

/* Whether the elements have one rank, and equal dims but for `axis`; adds up the
 * sizes of that. */
static bool add_up(const struct maker *maker, const lathe_value *sequence, uint32_t axis, bool is_new, int64_t *sum) {
  const lathe_tensor *first = sequence->elements;
  *sum = is_new ? sequence->count : 0;
  for (int64_t i = 0; i < sequence->count; ++i) {
    const lathe_tensor *next = &sequence->elements[i];
    if (next->rank != first->rank)
      return fail(maker, 1, next->rank, first->rank);
    for (uint32_t d = 0; d < next->rank; ++d)
      if ((is_new || d != axis) && next->dims[d] != first->dims[d])
        return fail(maker, 1, next->dims[d], first->dims[d]);
    if (!is_new && next->dims[axis] > INT64_MAX - *sum)
      return fail(maker, LATHE_TASK_OUT_OF_MEMORY, 0, 0);
    *sum += is_new ? 0 : next->dims[axis];
  }
  return true;
}

static lathe_value *concat(const struct maker *maker, const lathe_value *sequence, uint32_t axis, bool is_new) {
  if (sequence->count == 0)
    return fail(maker, 1, 0, 1);
  lathe_tensor like = sequence->elements[0];
  if (axis >= like.rank + is_new || like.rank + is_new > LATHE_MAX_RANK)
    return fail(maker, 1, axis, like.rank);
  int64_t sum;
  if (!add_up(maker, sequence, axis, is_new, &sum))
    return NULL;
  if (is_new) {
    for (uint32_t d = like.rank++; d > axis; --d)
      like.dims[d] = like.dims[d - 1];
  }
  like.dims[axis] = sum;
  struct made *result = make_sequence(maker, 1, 1);
  if (!result || !make_tensor(maker, &like, &result->value.elements[0]))
    return NULL;
  size_t inner, outer, offset = 0;
  measure(&like, axis, &inner, &outer);
  for (int64_t i = 0; i < sequence->count; ++i) {
    const lathe_tensor *part = &sequence->elements[i];
    size_t bytes = inner * (is_new ? 1 : (size_t)part->dims[axis]);
    for (size_t o = 0; bytes && o < outer; ++o)
      memcpy((char *)result->value.elements[0].data + o * inner * (size_t)sum + offset,
             (const char *)part->data + o * bytes, bytes);
    offset += bytes;
  }
  return &result->value;
}

/* --- Optional values ---------------------------------------------------- */

static lathe_value *some(const struct maker *maker, const lathe_tensor *tensor) {
  struct made *result = make(maker, LATHE_KIND_TENSOR);
  return result && copy_tensor(maker, tensor, &result->value.tensor) ? &result->value : NULL;
}

static lathe_value *get(const struct maker *maker, const lathe_value *value) {
  if (value->kind == LATHE_KIND_OPTIONAL)
    return fail(maker, 1, 0, 1);
  struct made *result = make(maker, LATHE_KIND_SEQUENCE);
  if (!result)
    return NULL;
  if (value->kind == LATHE_KIND_SEQUENCE) {
    result->array = array_of(value);
    result->value.elements = value->elements;
    result->value.count = value->count;
    return &result->value;
  }
  lathe_tensor *element = take(maker, sizeof *element);
  if (!element)
    return NULL;
  *element = value->tensor;
  result->value.elements = element;
  result->value.count = 1;
  return &result->value;
}

/* --- Maps --------------------------------------------------------------- */

static lathe_value *make_map(const struct maker *maker, const lathe_tensor *keys, const lathe_tensor *values,
                             bool is_many) {
  int64_t maps = is_many ? values->dims[0] : 1, size = values->dims[values->rank - 1];
  if (size != keys->dims[0])
    return fail(maker, 1, size, keys->dims[0]);
  struct made *result = maps == INT64_MAX ? NULL : make_sequence(maker, maps + 1, maps + 1);
  if (!result || !copy_tensor(maker, keys, &result->value.elements[0]))
    return NULL;
  result->value.kind = LATHE_KIND_MAP;
  lathe_tensor all, row = *values;
  if (!copy_tensor(maker, values, &all))
    return NULL;
  size_t bytes = (size_t)size * lathe_dtype_size(values->dtype);
  row.rank = 1;
  row.dims[0] = size;
  for (int64_t i = 0; i < maps; ++i) {
    row.data = (char *)all.data + (size_t)i * bytes;
    result->value.elements[i + 1] = row;
  }
  return &result->value;
}

static lathe_value *part_of_map(const struct maker *maker, const lathe_value *map, bool is_values) {
  struct made *result = make(maker, LATHE_KIND_SEQUENCE);
  if (!result)
    return NULL;
  result->value.elements = map->elements + is_values;
  result->value.count = is_values ? map->count - 1 : 1;
  return &result->value;
}

lathe_value *lathe_impl_make_value(const lathe_imports *imports, lathe_call *call, int32_t action,
                                   const lathe_value *value, const lathe_value *other, int64_t a, int64_t b) {
  const struct maker maker = {imports, call};
  switch ((lathe_value_action)action) {
  case LATHE_ACTION_INSERT:
    return insert(&maker, value, &other->tensor, a, b != 0);
  case LATHE_ACTION_ERASE:
    return erase(&maker, value, a, b != 0);
  case LATHE_ACTION_AT:
    return at(&maker, value, a, b);
  case LATHE_ACTION_SPLIT:
    return split_tensor(&maker, &other->tensor, value ? &value->tensor : NULL, (uint32_t)a, b != 0);
  case LATHE_ACTION_CONCAT:
    return concat(&maker, value, (uint32_t)a, b != 0);
  case LATHE_ACTION_SOME:
    return some(&maker, &other->tensor);
  case LATHE_ACTION_NONE:
    return finish(make(&maker, LATHE_KIND_OPTIONAL));
  case LATHE_ACTION_GET:
    return get(&maker, value);
  case LATHE_ACTION_EMPTY:
    return finish(make(&maker, LATHE_KIND_SEQUENCE));
  case LATHE_ACTION_MAP:
    return make_map(&maker, &value->tensor, &other->tensor, a != 0);
  case LATHE_ACTION_PART:
    return part_of_map(&maker, value, a != 0);
  }
  return fail(&maker, 1, action, LATHE_ACTION_PART);
}
