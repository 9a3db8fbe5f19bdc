package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

// whip takes part by WHIP (RFC 9725) and WHEP: one connection for what a participant sends, and one for
// each participant they watch or hear.
type whip struct {
	publish, subscribe, bearer, room string

	dialer *dialer
	http   *http.Client

	mu       sync.Mutex // guards everything below
	sessions []whipSession
}

type whipSession struct {
	pc       *webrtc.PeerConnection
	resource string // address to DELETE, or ""
	bearer   string
}

const (
	// retryPause is between two tries to watch what the server does not have yet.
	retryPause = 300 * time.Millisecond
	never      = time.Duration(0)
)

// publishes sends what p has to send.
func (w *whip) publishes(ctx context.Context, p *participant, streams []*stream) (joined, error) {
	pc, _, err := w.dialer.connect(p, false)
	if err != nil {
		return joined{}, err
	}
	for _, s := range streams {
		line, err := pc.AddTransceiverFromTrack(s, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			_ = pc.Close()
			return joined{}, fmt.Errorf("add line: %w", err)
		}
		go watchRequests(line.Sender(), s) // ends when pc is closed
	}
	_, err = w.exchange(ctx, pc, w.publish, p.name, never)
	return joined{}, err
}

// watches receives each participant that p hears or sees.
func (w *whip) watches(ctx context.Context, p *participant, others []participant) (joined, error) {
	wanted := map[int][2]bool{}
	var order []int
	for kind, numbers := range [][]int{audio: p.hears, video: p.sees} {
		for _, n := range numbers {
			lines, known := wanted[n]
			if !known {
				order = append(order, n)
			}
			lines[kind] = true
			wanted[n] = lines
		}
	}
	var in joined
	for _, n := range order {
		pc, r, err := w.dialer.connect(p, true)
		if err != nil {
			return in, err
		}
		for kind, name := range []webrtc.RTPCodecType{audio: webrtc.RTPCodecTypeAudio, video: webrtc.RTPCodecTypeVideo} {
			if !wanted[n][kind] {
				continue
			}
			if _, err := pc.AddTransceiverFromKind(name, webrtc.RTPTransceiverInit{
				Direction: webrtc.RTPTransceiverDirectionRecvonly,
			}); err != nil {
				_ = pc.Close()
				return in, fmt.Errorf("add line: %w", err)
			}
			in.seats++
		}
		opened, err := w.exchange(ctx, pc, w.subscribe, others[n].name, retryPause)
		if err != nil {
			return in, fmt.Errorf("watch %s: %w", others[n].name, err)
		}
		if in.receiver == nil {
			in.receiver, in.opened = r, opened
		}
	}
	return in, nil
}

// exchange posts an offer, again after a pause (or never) while the server does not have what is asked
// for, and returns when the answered one was posted.
func (w *whip) exchange(ctx context.Context, pc *webrtc.PeerConnection, template, id string, again time.Duration) (time.Time, error) {
	session := whipSession{pc: pc, bearer: expand(w.bearer, w.room, id)}
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.sessions = append(w.sessions, session)
	}()
	address := expand(template, url.PathEscape(w.room), url.PathEscape(id))
	offer, err := offerOf(ctx, pc)
	if err != nil {
		return time.Time{}, err
	}
	for {
		opened := time.Now()
		answer, resource, err := w.post(ctx, address, session.bearer, offer)
		if err == nil {
			session.resource = resource
			description := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}
			if err := pc.SetRemoteDescription(description); err != nil {
				return opened, fmt.Errorf("apply answer: %w", err)
			}
			return opened, nil
		}
		if again == never || !errors.Is(err, errNotYet) {
			return opened, err
		}
		select {
		case <-ctx.Done():
			return opened, fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		case <-time.After(again):
		}
	}
}

// offerOf makes an offer that holds its candidates.
func offerOf(ctx context.Context, pc *webrtc.PeerConnection) (string, error) {
	description, err := pc.CreateOffer(nil)
	if err != nil {
		return "", fmt.Errorf("make offer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(description); err != nil {
		return "", fmt.Errorf("apply offer: %w", err)
	}
	select {
	case <-gathered:
		return pc.LocalDescription().SDP, nil
	case <-ctx.Done():
		return "", fmt.Errorf("gather candidates: %w", context.Cause(ctx))
	}
}

// errNotYet: the server does not have what is to be watched; some say so until its media flows.
var errNotYet = errors.New("the server refuses")

// post returns the answer and the address of the session, or "".
func (w *whip) post(ctx context.Context, address, bearer, offer string) (answer, resource string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(offer))
	if err != nil {
		return "", "", fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/sdp")
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := w.http.Do(request)
	if err != nil {
		return "", "", fmt.Errorf("post offer: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	const most = 1 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, most))
	if err != nil {
		return "", "", fmt.Errorf("read answer: %w", err)
	}
	switch response.StatusCode {
	case http.StatusCreated, http.StatusOK:
		if location, err := response.Location(); err == nil {
			resource = location.String()
		}
		return string(body), resource, nil
	case http.StatusNotFound, http.StatusConflict:
		return "", "", fmt.Errorf("%w: %s: %.200s", errNotYet, response.Status, bytes.TrimSpace(body))
	default:
		return "", "", fmt.Errorf("the server answers %s: %.200s", response.Status, bytes.TrimSpace(body))
	}
}

// close ends all sessions, politely as long as ctx lasts.
func (w *whip) close(ctx context.Context) {
	w.mu.Lock()
	sessions := w.sessions
	w.mu.Unlock()
	inParallel(len(sessions), 16, func(i int) {
		s := sessions[i]
		if request, err := http.NewRequestWithContext(ctx, http.MethodDelete, s.resource, http.NoBody); err == nil && s.resource != "" {
			if s.bearer != "" {
				request.Header.Set("Authorization", "Bearer "+s.bearer)
			}
			if response, err := w.http.Do(request); err == nil {
				_ = response.Body.Close()
			}
		}
		_ = s.pc.Close() // it reports what went wrong in parts that are gone by then
	})
	w.http.CloseIdleConnections()
}
