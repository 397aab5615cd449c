"""Which header declares which name of the standard library: what `tests/layers_test.py` holds sources to.

A compiler's own headers include one another, and each release does so differently: GCC 14's <optional> no longer brings
in <cstdint>, GCC 13's <string> no longer <cstdlib>. So a file that uses a name includes the name's own header.
"""

import re

# header -> names below std::; a name that stands in several headers may come from any of them.
DECLARES = {
    "algorithm": """adjacent_find all_of any_of binary_search clamp copy copy_backward copy_if copy_n count count_if
        equal equal_range fill fill_n find find_end find_first_of find_if find_if_not for_each for_each_n generate
        generate_n includes inplace_merge is_heap is_partitioned is_permutation is_sorted is_sorted_until
        lexicographical_compare lower_bound make_heap max max_element merge min min_element minmax minmax_element
        mismatch move_backward next_permutation none_of nth_element partial_sort partition partition_point pop_heap
        prev_permutation push_heap ranges remove remove_copy_if remove_if replace replace_if reverse rotate sample
        search set_difference set_intersection set_union shuffle sort sort_heap stable_partition stable_sort
        swap_ranges transform unique unique_copy upper_bound""",
    "any": "any any_cast",
    "array": "array to_array",
    "atomic": """atomic atomic_bool atomic_flag atomic_int atomic_ref atomic_signal_fence atomic_thread_fence
        memory_order memory_order_acq_rel memory_order_acquire memory_order_consume memory_order_relaxed
        memory_order_release memory_order_seq_cst""",
    "barrier": "barrier",
    "bit": "bit_cast bit_ceil bit_floor bit_width countl_one countl_zero countr_one countr_zero endian has_single_bit popcount rotl rotr",
    "bitset": "bitset",
    "cctype": """isalnum isalpha iscntrl isdigit isgraph islower isprint ispunct isspace isupper isxdigit tolower
        toupper""",
    "charconv": "chars_format from_chars from_chars_result to_chars to_chars_result",
    "chrono": "chrono chrono_literals",
    "cinttypes": "imaxabs imaxdiv strtoimax strtoumax",
    "clocale": "lconv localeconv setlocale",
    "cmath": """abs ceil cos exp fabs floor fmod frexp hypot isfinite isinf isnan llround log log10 log2 lround modf pow rint
        round sin sqrt trunc""",
    "compare": """compare_three_way is_eq is_gt is_gteq is_lt is_lteq is_neq partial_ordering strong_ordering
        weak_ordering""",
    "concepts": """assignable_from common_reference_with constructible_from convertible_to copy_constructible copyable
        default_initializable derived_from destructible equality_comparable floating_point integral invocable
        move_constructible movable predicate regular regular_invocable same_as semiregular signed_integral
        swappable totally_ordered unsigned_integral""",
    "condition_variable": "condition_variable condition_variable_any cv_status notify_all_at_thread_exit",
    "csignal": "raise sig_atomic_t",
    "cstdarg": "va_list",
    "cstddef": "byte max_align_t nullptr_t ptrdiff_t to_integer",
    "cstdint": """int16_t int32_t int64_t int8_t int_fast16_t int_fast32_t int_fast64_t int_fast8_t int_least16_t
        int_least32_t int_least64_t int_least8_t intmax_t intptr_t uint16_t uint32_t uint64_t uint8_t uint_fast16_t
        uint_fast32_t uint_fast64_t uint_fast8_t uint_least16_t uint_least32_t uint_least64_t uint_least8_t uintmax_t
        uintptr_t""",
    "cstdio": """FILE fclose feof ferror fflush fgetc fgets fopen fprintf fputc fputs fread freopen fscanf fseek ftell
        fwrite perror printf putchar puts remove rename rewind setbuf setvbuf snprintf sprintf sscanf tmpfile ungetc
        vfprintf vsnprintf""",
    "cstdlib": """_Exit abort abs aligned_alloc at_quick_exit atexit atof atoi atol atoll bsearch calloc div exit free
        getenv labs ldiv llabs malloc mblen qsort quick_exit rand realloc srand strtod strtof strtol strtold strtoll
        strtoul strtoull system""",
    "cstring": """memchr memcmp memcpy memmove memset strcat strchr strcmp strcoll strcpy strcspn strerror strlen
        strncat strncmp strncpy strpbrk strrchr strspn strstr strtok strxfrm""",
    "ctime": """asctime clock clock_t ctime difftime gmtime localtime mktime strftime time time_t timespec timespec_get
        tm""",
    "cwchar": "btowc mbrtowc mbstate_t wcslen wcsrtombs wint_t",
    "deque": "deque",
    "exception": """current_exception exception exception_ptr make_exception_ptr nested_exception rethrow_exception
        rethrow_if_nested set_terminate terminate throw_with_nested uncaught_exceptions""",
    "execution": "execution",
    "filesystem": "filesystem",
    "format": "format format_to format_to_n formatted_size formatter make_format_args vformat",
    "forward_list": "forward_list",
    "fstream": "basic_ifstream basic_ofstream filebuf fstream ifstream ofstream",
    "functional": """bind bind_front bit_and bit_not bit_or bit_xor bad_function_call cref divides equal_to function
        greater greater_equal identity invoke less less_equal logical_and logical_not logical_or mem_fn minus modulus
        multiplies negate not_equal_to not_fn placeholders plus ref reference_wrapper""",
    "future": "async future future_errc future_error future_status launch packaged_task promise shared_future",
    "initializer_list": "initializer_list",
    "iomanip": """get_money get_time put_money put_time quoted resetiosflags setbase setfill setiosflags setprecision
        setw""",
    "ios": "basic_ios boolalpha dec fixed hex ios ios_base noskipws oct scientific skipws streamoff streampos",
    "iostream": "cerr cin clog cout",
    "istream": "basic_istream iostream istream ws",
    "iterator": """advance back_insert_iterator back_inserter bidirectional_iterator_tag distance forward_iterator
        forward_iterator_tag front_inserter input_iterator input_iterator_tag inserter istream_iterator
        istreambuf_iterator iterator_traits make_move_iterator make_reverse_iterator move_iterator next
        ostream_iterator ostreambuf_iterator prev random_access_iterator random_access_iterator_tag
        reverse_iterator sentinel_for""",
    "latch": "latch",
    "limits": "float_denorm_style numeric_limits",
    "list": "list",
    "locale": "locale use_facet",
    "map": "map multimap",
    "memory": """addressof align allocate_shared allocator allocator_traits assume_aligned bad_weak_ptr
        const_pointer_cast construct_at default_delete destroy destroy_at destroy_n dynamic_pointer_cast
        enable_shared_from_this make_shared make_unique make_unique_for_overwrite owner_less pointer_traits
        shared_ptr static_pointer_cast to_address uninitialized_copy uninitialized_default_construct_n
        uninitialized_fill uninitialized_move uninitialized_value_construct_n unique_ptr weak_ptr""",
    "memory_resource": "pmr",
    "mutex": """adopt_lock adopt_lock_t call_once defer_lock defer_lock_t lock lock_guard mutex once_flag
        recursive_mutex recursive_timed_mutex scoped_lock timed_mutex try_lock try_to_lock try_to_lock_t unique_lock""",
    "new": """align_val_t bad_alloc bad_array_new_length destroying_delete get_new_handler
        hardware_destructive_interference_size launder new_handler nothrow nothrow_t set_new_handler""",
    "numbers": "numbers",
    "numeric": """accumulate adjacent_difference exclusive_scan gcd inclusive_scan inner_product iota lcm midpoint
        partial_sum reduce transform_reduce""",
    "optional": "bad_optional_access make_optional nullopt nullopt_t optional",
    "ostream": "basic_ostream endl ends flush ostream",
    "queue": "priority_queue queue",
    "random": """bernoulli_distribution default_random_engine discrete_distribution linear_congruential_engine
        minstd_rand mt19937 mt19937_64 normal_distribution random_device seed_seq uniform_int_distribution
        uniform_real_distribution""",
    "ratio": "giga kilo mega micro milli nano ratio",
    "regex": "cmatch regex regex_error regex_match regex_replace regex_search smatch sregex_iterator",
    "semaphore": "binary_semaphore counting_semaphore",
    "set": "multiset set",
    "shared_mutex": "shared_lock shared_mutex shared_timed_mutex",
    "source_location": "source_location",
    "span": "as_bytes as_writable_bytes dynamic_extent span",
    "sstream": "istringstream ostringstream stringbuf stringstream",
    "stack": "stack",
    "stdexcept": """domain_error invalid_argument length_error logic_error out_of_range overflow_error range_error
        runtime_error underflow_error""",
    "stop_token": "nostopstate stop_callback stop_source stop_token",
    "streambuf": "basic_streambuf streambuf",
    "string": """basic_string char_traits getline stod stof stoi stol stold stoll stoul stoull string
        string_literals to_string to_wstring u16string u32string u8string wstring""",
    "string_view": "basic_string_view string_view string_view_literals u16string_view u8string_view wstring_view",
    "strstream": "strstream",
    "system_error": """errc error_category error_code error_condition generic_category is_error_code_enum
        make_error_code make_error_condition system_category system_error""",
    "thread": "jthread this_thread thread",
    "tuple": "apply forward_as_tuple ignore make_from_tuple make_tuple tie tuple tuple_cat",
    "type_traits": """add_const_t add_pointer_t aligned_storage_t bool_constant common_type common_type_t conditional
        conditional_t conjunction conjunction_v decay decay_t disjunction_v enable_if enable_if_t false_type
        integral_constant invoke_result invoke_result_t is_abstract_v is_aggregate_v is_arithmetic_v is_array_v
        is_assignable_v is_base_of is_base_of_v is_class_v is_const_v is_constant_evaluated is_constructible_v
        is_convertible is_convertible_v is_copy_assignable_v is_copy_constructible_v is_default_constructible_v
        is_destructible_v is_empty_v is_enum_v is_final_v is_floating_point_v is_function_v is_integral
        is_integral_v is_invocable_r_v is_invocable_v is_lvalue_reference_v is_move_assignable_v
        is_move_constructible_v is_nothrow_constructible_v is_nothrow_copy_constructible_v
        is_nothrow_destructible_v is_nothrow_invocable_v is_nothrow_move_constructible_v is_nothrow_swappable_v
        is_null_pointer_v is_object_v is_pointer_v is_polymorphic_v is_reference_v is_same is_same_v is_signed_v
        is_standard_layout_v is_trivial_v is_trivially_copyable is_trivially_copyable_v
        is_trivially_default_constructible_v is_trivially_destructible_v is_unsigned_v is_void is_void_v
        make_signed_t make_unsigned_t negation_v remove_const_t remove_cv_t remove_cvref remove_cvref_t
        remove_pointer_t remove_reference remove_reference_t true_type type_identity type_identity_t
        underlying_type_t void_t""",
    "typeindex": "hash type_index",
    "typeinfo": "bad_cast bad_typeid type_info",
    "unordered_map": "unordered_map unordered_multimap",
    "unordered_set": "unordered_multiset unordered_set",
    "utility": """as_const cmp_equal cmp_greater cmp_less cmp_less_equal cmp_not_equal declval exchange forward in_place
        in_place_type in_range index_sequence index_sequence_for integer_sequence make_index_sequence make_pair move
        move_if_noexcept pair piecewise_construct swap tuple_element tuple_size""",
    "valarray": "valarray",
    "variant": """bad_variant_access get_if holds_alternative in_place_index monostate variant variant_alternative
        variant_alternative_t variant_npos variant_size_v visit""",
    "vector": "vector",
    "version": "",
}

CONTAINERS = ("array", "deque", "forward_list", "list", "map", "set", "span", "string", "string_view", "unordered_map",
              "unordered_set", "vector")
# Names that several headers have to declare, whichever of them is included.
ALSO = {
    "abs": ("cmath", "cstdlib"),
    "as_bytes": ("span",),
    "begin": ("iterator", *CONTAINERS), "cbegin": ("iterator", *CONTAINERS), "rbegin": ("iterator", *CONTAINERS),
    "end": ("iterator", *CONTAINERS), "cend": ("iterator", *CONTAINERS), "rend": ("iterator", *CONTAINERS),
    "data": ("iterator", *CONTAINERS), "empty": ("iterator", *CONTAINERS),
    "size": ("iterator", *CONTAINERS), "ssize": ("iterator", *CONTAINERS),
    "erase": ("deque", "list", "string", "vector", "forward_list"),
    "erase_if": CONTAINERS,
    "get": ("array", "tuple", "utility", "variant"),
    "hash": ("functional", "memory", "string", "string_view", "optional", "thread", "system_error", "typeindex",
             "variant", "vector", "bitset", "filesystem"),
    "initializer_list": ("initializer_list", *CONTAINERS),
    "ios": ("ios", "istream", "ostream", "iostream", "fstream", "sstream"),
    "ostream": ("ostream", "iostream"), "istream": ("istream", "iostream"), "iostream": ("istream", "iostream"),
    "endl": ("ostream", "iostream"), "flush": ("ostream", "iostream"),
    "move": ("utility", "algorithm"),
    "remove": ("algorithm", "cstdio"),
    "remove_if": ("algorithm",),
    "in_place": ("optional", "utility", "variant", "any"),
    "nullptr_t": ("cstddef",),
    "ptrdiff_t": ("cstddef",),
    "sig_atomic_t": ("csignal", "signal.h"),
    "strong_ordering": ("compare",),
    "swap": ("utility", "algorithm", "string_view", "tuple", "array", *CONTAINERS),
    "tuple_size": ("utility", "tuple", "array", "span"), "tuple_element": ("utility", "tuple", "array"),
    "time_t": ("ctime",), "timespec": ("ctime",),
}
C_NAMES = {  # the same without std::, from the C header
    "cstdint": re.compile(r"(?<![\w:.>])(?:u?int(?:8|16|32|64|ptr|max)_t|U?INT(?:8|16|32|64|PTR|MAX)_(?:MAX|MIN)|SIZE_MAX)\b"),
    "cerrno": re.compile(r"(?<![\w:.>])errno\b"),
    "climits": re.compile(r"(?<![\w:.>])(?:U?(?:CHAR|SHRT|INT|LONG|LLONG)_(?:MAX|MIN)|S?CHAR_(?:MAX|MIN)|CHAR_BIT)\b"),
}
C_HEADER = {"cstdint": "stdint.h", "cerrno": "errno.h", "climits": "limits.h"}

NAMES = {}  # name -> headers, any of which declares it
for _header, _names in DECLARES.items():
    for _name in _names.split():
        NAMES.setdefault(_name, set()).add(_header)
for _name, _headers in ALSO.items():
    NAMES[_name] = set(_headers)

# Text that is no code: comments, character literals, raw strings, strings.
_NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
_QUALIFIED = re.compile(r"\bstd::(\w+)")


def code_of(text):
    """Source text without comments and literals; #include lines stay as they are."""
    digits = re.sub(r"(?<=[0-9A-Fa-f])'(?=[0-9A-Fa-f])", "", text)  # 1'000 holds no character literal
    return _NO_CODE.sub(lambda found: found.group() if _is_include(digits, found) else " ", digits)


def _is_include(text, found):
    line = text[text.rfind("\n", 0, found.start()) + 1:found.start()]
    return line.lstrip().startswith("#") and "include" in line


def missing(text, included):
    """What `text` uses of the standard library without a header in `included`: {name: headers}."""
    code = code_of(text)
    wants = {}
    for name in set(_QUALIFIED.findall(code)):
        # is_same_v and is_same, tuple_size_v and tuple_size stand in the same header
        headers = NAMES.get(name) or NAMES.get(re.sub(r"_[vt]$", "", name) if name != "size_t" else "")
        if headers and not headers & included:
            wants[f"std::{name}"] = headers
    for header, pattern in C_NAMES.items():
        used = pattern.search(code)
        if used and not {header, C_HEADER[header]} & included:
            wants[used.group()] = {header}
    return wants


def unknown(text):
    """The names below std:: that this table does not hold."""
    return {name for name in _QUALIFIED.findall(code_of(text))
            if name not in NAMES and re.sub(r"_[vt]$", "", name) not in NAMES} - {"size_t", "string_view_literals"}
