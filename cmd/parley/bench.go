package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/bench"
)

// benchCmd puts a load on a server and measures.
type benchCmd struct {
	Scenario bench.Scenario `arg:"" placeholder:"SCENARIO" help:"streams, meeting, audio-room, livestream, large-room or churn."`

	URL     string           `default:"http://127.0.0.1:8080" help:"A parley server, spoken to by its WebSocket."`
	Token   string           `placeholder:"TOKEN" help:"Bearer token for --url; it may create meetings, or --meeting names one."`
	Meeting parley.MeetingID `placeholder:"MEETING" help:"The meeting to join, or {room} in addresses; without it, one is made."`
	WHIP    string           `name:"whip" placeholder:"URL" help:"Publish by WHIP instead; {id} is the publisher, {room} the meeting."`
	WHEP    string           `name:"whep" placeholder:"URL" help:"Watch by WHEP; with --whip."`
	Bearer  string           `placeholder:"TOKEN" help:"Bearer token for --whip and --whep, with the same placeholders."`

	Participants int `placeholder:"N" help:"People in a meeting (5), audio-room (50), large-room (300) or churn (60)."`
	Publishers   int `placeholder:"N" help:"Who sends in streams (2)."`
	Subscribers  int `placeholder:"N" help:"Who watches in streams (10) and livestream (100)."`
	Talkers      int `placeholder:"N" help:"Who talks in an audio-room (3), large-room (4) or churn (3)."`
	Cameras      int `placeholder:"N" help:"Who sends video in a large-room (12) or churn (6)."`
	VideoKbps    int `placeholder:"N" help:"Bit rate of a camera: 1500 in streams and livestream, 300 in a meeting, 150 in a large-room or churn."`

	Voices     int     `default:"4" help:"How many voices a participant offers to hear, by --url; the server fills at most sfu.voices."`
	FPS        int     `name:"fps" default:"30" help:"Pictures a second."`
	Spread     float64 `default:"0.4" help:"The part of a frame interval over which its packets are sent: 0 is at once."`
	AudioBytes int     `default:"80" help:"Size of an Opus packet of 20 ms."`
	SRTP       string  `name:"srtp" default:"gcm128" help:"The profile offered: gcm128, gcm256 or cm80."`

	Duration time.Duration `default:"20s" help:"How long is measured."`
	Warm     time.Duration `default:"3s" help:"How long everything flows before."`
	Setup    time.Duration `default:"2m" help:"How long joining may take."`
	Joins    int           `default:"4" help:"How many join at the same time."`
	Sweep    time.Duration `default:"5ms" help:"How often the receiving sockets are read."`

	Stay    time.Duration `default:"20s" help:"How long somebody stays in a churn, half more or less."`
	Settle  time.Duration `default:"20s" help:"How long the server rests before its memory is looked at, in a churn."`
	Private string        `default:"http://127.0.0.1:8081" placeholder:"URL" help:"The server's private listener, which tells its goroutines and heap, in a churn."`

	PID     int     `name:"pid" placeholder:"PID" help:"The server's process; without it, whoever listens at that port of this machine."`
	MaxLoss float64 `default:"1" placeholder:"PERCENT" help:"Loss from which on the server has failed."`
	JSON    bool    `help:"Print one JSON object and nothing else."`
}

// Help implements kong's HelpProvider.
func (*benchCmd) Help() string {
	return `The scenarios:

    streams     --publishers send video, --subscribers watch all of them
    meeting     everybody sends and receives sound and video
    audio-room  --talkers talk, everybody listens
    livestream  one sends video, --subscribers watch
    large-room  --cameras send video, --talkers talk;
                everybody sees one and hears the talkers
    churn       --participants at a time join and leave for --duration, some without
                a goodbye: what the server keeps of them is growth

Exit code 0: everything arrived, or the generator could not keep up and says so. 1: the server
refused, died or lost packets, or grew. 2: bad usage.`
}

// Run implements the command.
func (c *benchCmd) Run(a *app) error {
	cfg := bench.Config{
		Scenario: c.Scenario,
		Size: bench.Size{
			Participants: c.Participants, Publishers: c.Publishers, Subscribers: c.Subscribers,
			Talkers: c.Talkers, Cameras: c.Cameras, VideoKbps: c.VideoKbps,
		},
		URL: c.URL, Token: c.Token, Meeting: c.Meeting, WHIP: c.WHIP, WHEP: c.WHEP, Bearer: c.Bearer,
		Voices: c.Voices, FPS: c.FPS, Spread: c.Spread, AudioBytes: c.AudioBytes, SRTP: c.SRTP,
		Window: c.Duration, Warm: c.Warm, Setup: c.Setup, Joins: c.Joins, Sweep: c.Sweep,
		Stay: c.Stay, Settle: c.Settle, Private: c.Private, PID: c.PID, MaxLoss: c.MaxLoss,
	}
	// Two threads sit in system calls most of the time: more Ps than cores keep the scheduler from
	// waiting to take theirs away. Hundreds of connections are garbage only once.
	const spare, garbage = 2, 400
	runtime.GOMAXPROCS(runtime.NumCPU() + spare)
	debug.SetGCPercent(garbage)
	if c.Scenario == bench.Churn {
		report, err := bench.RunChurn(a.ctx, cfg, c.progress(a))
		if err != nil {
			return err
		}
		return c.print(a, report, report.Failure)
	}
	report, err := bench.Run(a.ctx, cfg, c.progress(a))
	if err != nil {
		return err
	}
	return c.print(a, report, report.Failure)
}

// print prints a report; a failure in it is the error.
func (c *benchCmd) print(a *app, report interface{ WriteTable(to io.Writer) error }, failure string) error {
	var err error
	if c.JSON {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = report.WriteTable(a.stdout)
	}
	if err == nil && failure != "" {
		err = errors.New(failure)
	}
	return err
}

// progress says how far it is, on one line of a terminal and on many elsewhere.
func (c *benchCmd) progress(a *app) func(bench.Progress) {
	if c.JSON {
		return nil
	}
	start, end := "", "\n"
	if isTerminal(a.stderr) {
		start, end = "\r\x1b[K", ""
	}
	return func(p bench.Progress) {
		text := fmt.Sprintf("%s: %d of %d joined, %d of %d streams arrive", p.Phase, p.Joined, p.Everybody, p.Flows, p.Wanted)
		switch p.Phase {
		case "warming up", "measuring":
			text = fmt.Sprintf("%s: %s left, %.0f packets/s", p.Phase, p.Left, p.PPS)
		case "joining and leaving":
			text = fmt.Sprintf("%s: %s left, %d here, %d joins, %d failed, server %.1f MiB, %d goroutines", p.Phase, p.Left,
				p.Joined, p.Joins, p.Failures, p.Server.MemoryMiB, p.Server.Goroutines)
		case "settling":
			text = fmt.Sprintf("%s: %s left", p.Phase, p.Left)
		case "leaving":
			text = p.Phase
			if end == "" {
				text = "" // nothing stays on the line
			}
		}
		_, _ = fmt.Fprint(a.stderr, start, text, end) // nobody reads it when this fails
	}
}
