package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
	turnserver "github.com/parley/parley/sfu/turn"
	"github.com/parley/parley/signaling/api"
)

// openRelay opens the TURN server, where one is configured.
func (s *server) openRelay() error {
	if !s.cfg.TURN.Enabled() {
		return nil
	}
	base, err := url.Parse(s.cfg.baseURL(s.public.Addr()))
	if err != nil {
		return fmt.Errorf("base_url: %w", err) // checked by Validate
	}
	s.turn, err = turnserver.New(s.cfg.TURN, base.Hostname(), s.sfu.Addresses, sfu.PionLogs(s.log), s.registry)
	if err != nil {
		return err
	}
	s.undo(func() error { return ignoreClosed(s.turn.Close()) })
	return nil
}

// iceServers are what somebody's browser is told before it joins a meeting: credentials of their own.
func (s *server) iceServers(meeting parley.MeetingID, who parley.Identity) []api.ICEServer {
	if s.turn == nil {
		return nil
	}
	if who == "" { // a program without a name
		who = parley.Identity(uuid.NewString())
	}
	access := s.turn.Access(string(meeting), string(who))
	return []api.ICEServer{{URLs: access.URLs, Username: access.Username, Credential: access.Password}}
}

// withICEServers tells encoders and players how else they reach the server, once they have been let in
// (RFC 9725 §4.6).
func (s *server) withICEServers(programs http.Handler) http.Handler {
	if s.turn == nil {
		return programs
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		programs.ServeHTTP(&linking{ResponseWriter: w, links: func() []api.ICEServer {
			return s.iceServers(parley.MeetingID(r.URL.Path), "")
		}}, r)
	})
}

// linking adds Link fields to the answer that something was created.
type linking struct {
	http.ResponseWriter // never nil

	links func() []api.ICEServer
}

// WriteHeader implements http.ResponseWriter.
func (l *linking) WriteHeader(status int) {
	if status == http.StatusCreated {
		for _, server := range l.links() {
			for _, at := range server.URLs {
				l.Header().Add("Link", fmt.Sprintf(`<%s>; rel="ice-server"; username=%q; credential=%q; credential-type="password"`,
					at, server.Username, server.Credential))
			}
		}
	}
	l.ResponseWriter.WriteHeader(status)
}
