// A hostile check in Go: the name of the component selects what it tries.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand"
	"net"
	"os"
	"strings"
	"time"

	guardhouse "guardhouse.dev/sdk"
)

func init() { guardhouse.Check(check) }

func main() {}

func check(ctx *guardhouse.AuthContext) (bool, error) {
	behavior, ok := behaviors[ctx.Component.Name]
	if !ok {
		return false, errors.New("not expressible: " + ctx.Component.Name)
	}
	return behavior(ctx)
}

var behaviors = map[string]func(ctx *guardhouse.AuthContext) (bool, error){
	"allow":       func(*guardhouse.AuthContext) (bool, error) { return true, nil },
	"refuse":      func(*guardhouse.AuthContext) (bool, error) { return false, nil },
	"message":     func(*guardhouse.AuthContext) (bool, error) { return false, guardhouse.Deny("né 🙂") },
	"loop":        loop,
	"allocate":    allocate,
	"recurse":     func(*guardhouse.AuthContext) (bool, error) { return recurse(1) > 0, nil },
	"exception":   func(*guardhouse.AuthContext) (bool, error) { return outer() },
	"exit":        exit,
	"files":       files,
	"sockets":     sockets,
	"environment": environment,
	"clock":       func(ctx *guardhouse.AuthContext) (bool, error) { return time.Now().Unix() == ctx.Now, nil },
	"thread":      thread,
	"random":      random,
	"print":       printing,
	"scopes":      scopes,
	"claims":      claims,
	"echo":        echo,
	// Only in Go.
	"error":      func(*guardhouse.AuthContext) (bool, error) { return true, errors.New("secret 7f3a") },
	"nil-error":  nilError,
	"wrapped":    wrapped,
	"elsewhere":  elsewhere,
	"crowd":      crowd,
	"deadlock":   deadlock,
	"sleep":      sleep,
	"pieces":     pieces,
	"structured": structured,
	"large":      large,
}

func loop(*guardhouse.AuthContext) (bool, error) {
	for count := 0; ; count++ {
		if count < 0 {
			return true, nil
		}
	}
}

func allocate(*guardhouse.AuthContext) (bool, error) {
	var kept [][]byte
	for len(kept) < 1<<20 {
		piece := make([]byte, 1<<20)
		for i := 0; i < len(piece); i += 1 << 12 {
			piece[i] = 1
		}
		kept = append(kept, piece)
	}
	return kept[0][0] == 1, nil
}

//go:noinline
func recurse(depth int) int {
	if depth == 0 {
		return 0
	}
	return recurse(depth+1) + depth
}

//go:noinline
func outer() (bool, error) { return inner() }

//go:noinline
func inner() (bool, error) { panic(errors.New("secret 7f3a")) }

func exit(*guardhouse.AuthContext) (bool, error) {
	os.Exit(3)
	return true, nil
}

func files(*guardhouse.AuthContext) (bool, error) {
	wrote := os.WriteFile("file", []byte("text"), 0o600)
	_, read := os.ReadFile("file")
	_, listed := os.ReadDir("/")
	return wrote == nil || read == nil || listed == nil, nil
}

func sockets(*guardhouse.AuthContext) (bool, error) {
	connection, err := net.DialTimeout("tcp", "127.0.0.1:80", time.Second)
	if err != nil {
		return false, nil
	}
	connection.Close()
	return true, nil
}

func environment(*guardhouse.AuthContext) (bool, error) {
	return len(os.Environ()) > 0 || len(os.Args) > 1, nil
}

func thread(*guardhouse.AuthContext) (bool, error) {
	flag := make(chan bool)
	go func() { flag <- true }()
	return <-flag, nil
}

func random(*guardhouse.AuthContext) (bool, error) {
	guardhouse.Info(fmt.Sprint(rand.Uint64()))
	return true, nil
}

func printing(*guardhouse.AuthContext) (bool, error) {
	fmt.Println("to stdout")
	fmt.Fprintln(os.Stderr, "to stderr")
	return true, nil
}

func scopes(ctx *guardhouse.AuthContext) (bool, error) {
	if ctx.Token == nil || len(ctx.Token.Scopes) != 10_000 {
		return false, nil
	}
	for i, scope := range ctx.Token.Scopes {
		if scope != fmt.Sprintf("s%d", i) {
			return false, nil
		}
	}
	return true, nil
}

func claims(ctx *guardhouse.AuthContext) (bool, error) {
	claim, _ := ctx.Claim("/blob")
	blob, ok := claim.(string)
	return ok && len([]rune(blob)) == 1_000_000, nil
}

func echo(ctx *guardhouse.AuthContext) (bool, error) {
	client, uri, argument := "-", "-", "-"
	if ctx.Token != nil {
		client = ctx.Token.ClientID
	}
	if ctx.Component.URI != nil {
		uri = *ctx.Component.URI
	}
	if document, found := ctx.Argument(""); found {
		text, err := json.Marshal(document)
		if err != nil {
			return false, err
		}
		argument = string(text)
	}
	parts := []string{client, uri, strings.Join(ctx.Component.Tags, ","), argument}
	return false, guardhouse.Deny(strings.Join(parts, "|"))
}

// nilError returns an error that holds a nil pointer and is therefore not nil.
func nilError(*guardhouse.AuthContext) (bool, error) {
	var denial *guardhouse.AuthorizationError
	return true, denial
}

func wrapped(*guardhouse.AuthContext) (bool, error) {
	return false, fmt.Errorf("secret 7f3a: %w", guardhouse.Deny("for the caller"))
}

// elsewhere panics in another goroutine while the check waits.
func elsewhere(*guardhouse.AuthContext) (bool, error) {
	go inner()
	select {}
}

// crowd calls the host from many goroutines.
func crowd(ctx *guardhouse.AuthContext) (bool, error) {
	answers := make(chan bool)
	for range 20 {
		go func() {
			_, found := ctx.Claim("/blob")
			answers <- found
		}()
	}
	for range 20 {
		if !<-answers {
			return false, nil
		}
	}
	return true, nil
}

func deadlock(*guardhouse.AuthContext) (bool, error) {
	return <-make(chan bool), nil
}

func sleep(*guardhouse.AuthContext) (bool, error) {
	before := time.Now()
	time.Sleep(time.Hour)
	return time.Since(before) >= time.Hour, nil
}

// pieces prints lines in several writes, and one that is not UTF-8 and not finished.
func pieces(*guardhouse.AuthContext) (bool, error) {
	fmt.Print("one ")
	fmt.Print("line\nand ")
	fmt.Print("another\n")
	os.Stdout.Write([]byte{'n', 'o', 't', 0xff, 0xc3})
	return true, nil
}

func structured(*guardhouse.AuthContext) (bool, error) {
	slog.Debug("a detail")
	slog.With("user", 7).WithGroup("call").Warn("too large", "amount", 5000, "msg", "kept")
	return true, nil
}

// large reads an integer that a float64 would round.
func large(ctx *guardhouse.AuthContext) (bool, error) {
	var exact uint64
	if _, err := ctx.ClaimInto("/id", &exact); err != nil || exact != 175928847299117063 {
		return false, err
	}
	rounded, _ := ctx.Claim("/id")
	return rounded == float64(175928847299117069), nil
}
