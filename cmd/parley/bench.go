package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/bench"
)

// benchCmd puts a load on a server and measures.
type benchCmd struct {
	Scenario bench.Scenario `arg:"" placeholder:"SCENARIO" help:"streams, meeting, audio-room, livestream or large-room."`

	URL     string           `default:"http://127.0.0.1:8080" help:"A parley server, spoken to by its WebSocket."`
	Token   string           `placeholder:"TOKEN" help:"Bearer token for --url; it may create meetings, or --meeting names one."`
	Meeting parley.MeetingID `placeholder:"MEETING" help:"The meeting to join, or {room} in addresses; without it, one is made."`
	WHIP    string           `name:"whip" placeholder:"URL" help:"Publish by WHIP instead; {id} is the publisher, {room} the meeting."`
	WHEP    string           `name:"whep" placeholder:"URL" help:"Watch by WHEP; with --whip."`
	Bearer  string           `placeholder:"TOKEN" help:"Bearer token for --whip and --whep, with the same placeholders."`

	Participants int `placeholder:"N" help:"People in a meeting (5), audio-room (50) or large-room (300)."`
	Publishers   int `placeholder:"N" help:"Who sends in streams (2)."`
	Subscribers  int `placeholder:"N" help:"Who watches in streams (10) and livestream (100)."`
	Talkers      int `placeholder:"N" help:"Who talks in an audio-room (3) or large-room (4)."`
	Cameras      int `placeholder:"N" help:"Who sends video in a large-room (12)."`
	VideoKbps    int `placeholder:"N" help:"Bit rate of a camera: 1500 in streams and livestream, 300 in a meeting, 150 in a large-room."`

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

Exit code 0: everything arrived, or the generator could not keep up and says so. 1: the server
refused, died or lost packets. 2: bad usage.`
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
		PID: c.PID, MaxLoss: c.MaxLoss,
	}
	// Two threads sit in system calls most of the time: more Ps than cores keep the scheduler from
	// waiting to take theirs away. Hundreds of connections are garbage only once.
	const spare, garbage = 2, 400
	runtime.GOMAXPROCS(runtime.NumCPU() + spare)
	debug.SetGCPercent(garbage)
	tell := c.progress(a)
	report, err := bench.Run(a.ctx, cfg, tell)
	if err != nil {
		return err
	}
	if c.JSON {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = report.WriteTable(a.stdout)
	}
	if err == nil && report.Failure != "" {
		err = errors.New(report.Failure)
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
		case "leaving":
			text = p.Phase
			if end == "" {
				text = "" // nothing stays on the line
			}
		}
		_, _ = fmt.Fprint(a.stderr, start, text, end) // nobody reads it when this fails
	}
}
