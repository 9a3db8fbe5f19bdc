package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/parley/parley"
)

// The exit codes, as doc.go explains them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitForced = 3
)

// commands is the command line. Help texts are sentences a person can follow.
type commands struct {
	ConfigFile string `name:"config" short:"c" placeholder:"FILE" help:"Configuration file; without it parley uses its defaults (see parley.example.yaml)."`
	LogLevel   string `enum:"debug,info,warn,error," default:"" placeholder:"LEVEL" help:"debug, info, warn or error; overrides the configuration."`

	Serve      serveCmd      `cmd:"" help:"Run the meeting server."`
	Demo       demoCmd       `cmd:"" help:"Hold a meeting by itself and print its minutes."`
	Transcribe transcribeCmd `cmd:"" help:"Put recorded speech into words."`
	Worker     workerCmd     `cmd:"" help:"Put what was said into words, beside a server."`
	Models     modelsCmd     `cmd:"" help:"List, fetch, verify and remove speech models."`
	Minutes    minutesCmd    `cmd:"" help:"Find action items in transcripts."`
	Token      tokenCmd      `cmd:"" help:"Make an access token for a program."`
	Bench      benchCmd      `cmd:"" help:"Put a load on a server and measure what it makes of it."`
	Config     configCmd     `cmd:"" help:"Check or print the configuration."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Engine     engineCmd     `cmd:"" hidden:"" help:"The speech engine, run by the server as its child."`
}

// app is what every command is given.
type app struct {
	ctx      context.Context //nolint:containedctx // ends with the process; commands pass it on
	stdout   io.Writer
	stderr   io.Writer
	getenv   func(string) string
	config   string // path of the configuration file, or ""
	logLevel string // "" means: as configured
}

func main() {
	ctx, stop := signalContext(context.Background())
	defer stop()
	a := &app{ctx: ctx, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
	os.Exit(run(a, os.Args[1:]))
}

// run parses args and runs one command; it returns the exit code.
func run(a *app, args []string) int {
	var cmds commands
	exited := -1
	parser, err := kong.New(&cmds,
		kong.Name("parley"),
		kong.Description("Video meetings that end in minutes with proof."),
		kong.Writers(a.stdout, a.stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"version": version()},
	)
	if err != nil {
		fmt.Fprintln(a.stderr, "parley:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	chosen, err := parser.Parse(args)
	if exited >= 0 { // --help was printed
		return exited
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "parley: %v\nTry: parley --help\n", err)
		return exitUsage
	}
	a.config, a.logLevel = cmds.ConfigFile, cmds.LogLevel
	if err := chosen.Run(a); err != nil {
		return a.report(err)
	}
	return exitDone
}

// report prints what went wrong for a person and picks the exit code: Invalid input, flags and
// configuration are the caller's to mend, everything else is a failure.
func (a *app) report(err error) int {
	if errors.Is(err, context.Canceled) && a.ctx.Err() != nil {
		return exitFailed
	}
	text := err.Error()
	if e, ok := errors.AsType[*parley.Error](err); ok {
		text = e.Say
		if e.Err != nil {
			text += " (" + e.Err.Error() + ")"
		}
	}
	fmt.Fprintln(a.stderr, "parley:", text)
	if parley.KindOf(err) == parley.Invalid {
		return exitUsage
	}
	return exitFailed
}

// signalContext ends at the first SIGINT or SIGTERM; a second one ends the process at once.
func signalContext(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() { // ends with the process
		<-signals
		cancel()
		<-signals
		os.Exit(exitForced)
	}()
	return ctx, cancel
}
