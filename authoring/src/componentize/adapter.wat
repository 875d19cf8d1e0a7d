;; WASI preview 1 for plugins whose language imports it. It gives access to nothing: there are no files, arguments,
;; environment variables or sockets. Output goes to the operator's log, the clock shows the time of the request, random
;; numbers are the same in every instance, and exiting is a fault. Functions that a plugin does not import are left out
;; of its component.
(module
  (import "env" "memory" (memory 0))
  (import "wasi:logging/logging@0.1.0-draft" "log" (func $log (param i32 i32 i32 i32 i32)))
  (import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))

  ;; The time of the last `guardhouse_set_now`, in nanoseconds since the Unix epoch, and the time that the readings of
  ;; the clock have added since.
  (global $epoch (mut i64) (i64.const 1_000_000_000))
  (global $since (mut i64) (i64.const 0))
  ;; The monotonic clock.
  (global $steady (mut i64) (i64.const 1_000_000_000))
  (global $seed (mut i64) (i64.const 0x9e3779b97f4a7c15))

  ;; Not a function of WASI: an SDK sets the time of the request, in seconds.
  (func (export "guardhouse_set_now") (param $seconds i64)
    (global.set $epoch (i64.mul (local.get $seconds) (i64.const 1_000_000_000)))
    (global.set $since (i64.const 0)))

  (func (export "clock_res_get") (param i32) (param $result i32) (result i32)
    (i64.store (local.get $result) (i64.const 1000))
    (i32.const 0))

  ;; Each reading is one microsecond later than the previous one.
  (func (export "clock_time_get") (param $clock i32) (param i64) (param $result i32) (result i32)
    (global.set $since (i64.add (global.get $since) (i64.const 1000)))
    (global.set $steady (i64.add (global.get $steady) (i64.const 1000)))
    (i64.store (local.get $result)
      (if (result i64) (local.get $clock)
        (then (global.get $steady))
        (else (i64.add (global.get $epoch) (global.get $since)))))
    (i32.const 0))

  ;; Waiting for a clock returns immediately and advances the monotonic clock. Waiting for a file is an error: EBADF.
  (func (export "poll_oneoff")
    (param $subscription i32) (param $event i32) (param $count i32) (param $written i32) (result i32)
    (i32.store (local.get $written) (local.get $count))
    (loop $next
      (if (local.get $count)
        (then
          (memory.fill (local.get $event) (i32.const 0) (i32.const 32))
          (i64.store (local.get $event) (i64.load (local.get $subscription)))
          (i32.store8 offset=10 (local.get $event) (i32.load8_u offset=8 (local.get $subscription)))
          (if (i32.load8_u offset=8 (local.get $subscription))
            (then (i32.store16 offset=8 (local.get $event) (i32.const 8)))
            (else (call $wait
              (i64.load offset=24 (local.get $subscription))
              (i32.and (i32.load16_u offset=40 (local.get $subscription)) (i32.const 1)))))
          (local.set $subscription (i32.add (local.get $subscription) (i32.const 48)))
          (local.set $event (i32.add (local.get $event) (i32.const 32)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $next))))
    (i32.const 0))

  (func $wait (param $time i64) (param $is_absolute i32)
    (if (i32.eqz (local.get $is_absolute))
      (then (local.set $time (i64.add (global.get $steady) (local.get $time)))))
    (if (i64.gt_s (local.get $time) (global.get $steady))
      (then (global.set $steady (local.get $time)))))

  ;; xorshift64
  (func (export "random_get") (param $at i32) (param $left i32) (result i32)
    (loop $next
      (if (local.get $left)
        (then
          (global.set $seed (i64.xor (global.get $seed) (i64.shl (global.get $seed) (i64.const 13))))
          (global.set $seed (i64.xor (global.get $seed) (i64.shr_u (global.get $seed) (i64.const 7))))
          (global.set $seed (i64.xor (global.get $seed) (i64.shl (global.get $seed) (i64.const 17))))
          (i64.store8 (local.get $at) (global.get $seed))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br $next))))
    (i32.const 0))

  ;; Two line buffers of $capacity bytes that an SDK lends, for standard output and, after it, standard error. Without
  ;; them, every write is a message of its own.
  (global $buffers (mut i32) (i32.const 0))
  (global $capacity (mut i32) (i32.const 0))
  (global $stdout-length (mut i32) (i32.const 0))
  (global $stderr-length (mut i32) (i32.const 0))
  ;; Not a function of WASI: an SDK lends the buffers, which have a size of at least 16 bytes each.
  (func (export "guardhouse_lend_lines") (param $buffers i32) (param $capacity i32)
    (global.set $capacity (local.get $capacity))
    (global.set $buffers (local.get $buffers)))

  ;; Not a function of WASI: an SDK logs unfinished lines at the end of a call.
  (func $end-lines (export "guardhouse_end_lines")
    (call $end-line (i32.const 1))
    (call $end-line (i32.const 2)))

  ;; Logs standard output at the level info and standard error at the level error.
  (func (export "fd_write")
    (param $fd i32) (param $piece i32) (param $count i32) (param $written i32) (result i32)
    (local $length i32)
    (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1)) (then (return (i32.const 8))))
    (i32.store (local.get $written) (i32.const 0))
    (loop $next
      (if (local.get $count)
        (then
          (local.set $length (i32.load offset=4 (local.get $piece)))
          (i32.store (local.get $written) (i32.add (i32.load (local.get $written)) (local.get $length)))
          (if (global.get $buffers)
            (then (call $append (local.get $fd) (i32.load (local.get $piece)) (local.get $length)))
            (else (call $log-text (local.get $fd) (i32.load (local.get $piece)) (local.get $length))))
          (local.set $piece (i32.add (local.get $piece) (i32.const 8)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $next))))
    (i32.const 0))

  (func $buffer (param $fd i32) (result i32)
    (i32.add (global.get $buffers) (i32.mul (i32.sub (local.get $fd) (i32.const 1)) (global.get $capacity))))

  (func $length (param $fd i32) (result i32)
    (select (global.get $stdout-length) (global.get $stderr-length) (i32.eq (local.get $fd) (i32.const 1))))

  (func $set-length (param $fd i32) (param $length i32)
    (if (i32.eq (local.get $fd) (i32.const 1))
      (then (global.set $stdout-length (local.get $length)))
      (else (global.set $stderr-length (local.get $length)))))

  ;; Adds text to a buffer, and logs each line that ends.
  (func $append (param $fd i32) (param $at i32) (param $left i32)
    (local $byte i32)
    (loop $next
      (if (i32.eqz (local.get $left)) (then (return)))
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.eq (local.get $byte) (i32.const 10))
        (then (call $end-line (local.get $fd)))
        (else (call $push (local.get $fd) (local.get $byte))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br $next)))

  ;; Adds a byte to a buffer. A full buffer is logged first, if possible between two characters.
  (func $push (param $fd i32) (param $byte i32)
    (local $length i32)
    (local.set $length (call $length (local.get $fd)))
    (if (i32.or
        (i32.eq (local.get $length) (global.get $capacity))
        (i32.and
          (i32.gt_u (local.get $length) (i32.sub (global.get $capacity) (i32.const 4)))
          (i32.ne (i32.and (local.get $byte) (i32.const 0xc0)) (i32.const 0x80))))
      (then
        (call $end-line (local.get $fd))
        (local.set $length (i32.const 0))))
    (i32.store8 (i32.add (call $buffer (local.get $fd)) (local.get $length)) (local.get $byte))
    (call $set-length (local.get $fd) (i32.add (local.get $length) (i32.const 1))))

  ;; Logs the text in a buffer and empties it.
  (func $end-line (param $fd i32)
    (local $length i32)
    (local.set $length (call $length (local.get $fd)))
    (call $set-length (local.get $fd) (i32.const 0))
    (if (i32.eqz (local.get $length)) (then (return)))
    (call $make-text (call $buffer (local.get $fd)) (local.get $length))
    (call $log-text (local.get $fd) (call $buffer (local.get $fd)) (local.get $length)))

  (func $log-text (param $fd i32) (param $at i32) (param $length i32)
    (if (call $is_not_blank (local.get $at) (local.get $length))
      (then (call $log
        (i32.mul (local.get $fd) (i32.const 2))
        (i32.const 0) (i32.const 0)
        (local.get $at) (local.get $length)))))

  ;; Replaces each byte that is not part of a character in UTF-8 by a question mark: the host rejects other text.
  (func $make-text (param $at i32) (param $length i32)
    (local $end i32) (local $size i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (loop $next
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return)))
      (local.set $size (call $character (local.get $at) (i32.sub (local.get $end) (local.get $at))))
      (if (i32.eqz (local.get $size))
        (then
          (i32.store8 (local.get $at) (i32.const 63))
          (local.set $size (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (local.get $size)))
      (br $next)))

  ;; The size of the character at the start of a text of at least one byte, or 0 if it is not one.
  (func $character (param $at i32) (param $left i32) (result i32)
    (local $first i32) (local $second i32) (local $size i32) (local $index i32)
    (local.set $first (i32.load8_u (local.get $at)))
    (if (i32.lt_u (local.get $first) (i32.const 0x80)) (then (return (i32.const 1))))
    (if (i32.lt_u (local.get $first) (i32.const 0xc2)) (then (return (i32.const 0))))
    (if (i32.gt_u (local.get $first) (i32.const 0xf4)) (then (return (i32.const 0))))
    (local.set $size (i32.add (i32.const 2) (i32.add
      (i32.ge_u (local.get $first) (i32.const 0xe0))
      (i32.ge_u (local.get $first) (i32.const 0xf0)))))
    (if (i32.gt_u (local.get $size) (local.get $left)) (then (return (i32.const 0))))
    (local.set $index (i32.const 1))
    (loop $next
      (if (i32.ne (i32.const 0x80) (i32.and (i32.const 0xc0)
          (i32.load8_u (i32.add (local.get $at) (local.get $index)))))
        (then (return (i32.const 0))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $index) (local.get $size))))
    ;; Long forms, surrogates, and numbers over U+10FFFF.
    (local.set $second (i32.load8_u offset=1 (local.get $at)))
    (if (i32.or (i32.or
        (i32.and (i32.eq (local.get $first) (i32.const 0xe0)) (i32.lt_u (local.get $second) (i32.const 0xa0)))
        (i32.and (i32.eq (local.get $first) (i32.const 0xed)) (i32.ge_u (local.get $second) (i32.const 0xa0))))
        (i32.or
        (i32.and (i32.eq (local.get $first) (i32.const 0xf0)) (i32.lt_u (local.get $second) (i32.const 0x90)))
        (i32.and (i32.eq (local.get $first) (i32.const 0xf4)) (i32.ge_u (local.get $second) (i32.const 0x90)))))
      (then (return (i32.const 0))))
    (local.get $size))

  ;; Whether the text has a character that is not white space.
  (func $is_not_blank (param $at i32) (param $left i32) (result i32)
    (loop $next
      (if (i32.eqz (local.get $left)) (then (return (i32.const 0))))
      (if (i32.gt_u (i32.load8_u (local.get $at)) (i32.const 32)) (then (return (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br $next))
    (unreachable))

  (func (export "proc_exit") (param $code i32)
    (call $end-lines)
    (call $exit (i32.ne (local.get $code) (i32.const 0)))
    (unreachable))
  (func (export "proc_raise") (param i32) (result i32) (unreachable))
  (func (export "sched_yield") (result i32) (i32.const 0))

  (func $none (param $count i32) (param $size i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $size) (i32.const 0))
    (i32.const 0))
  (export "args_sizes_get" (func $none))
  (export "environ_sizes_get" (func $none))
  (func $nothing (param i32 i32) (result i32) (i32.const 0))
  (export "args_get" (func $nothing))
  (export "environ_get" (func $nothing))

  ;; Every file descriptor is invalid: EBADF.
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_close") (param i32) (result i32) (i32.const 8))
  (func (export "fd_datasync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_sync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_tell") (param i32 i32) (result i32) (i32.const 8))
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 8)))
