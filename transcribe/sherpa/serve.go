package sherpa

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/parley/parley/transcribe"
)

const (
	// recognizeQueue is how many pieces may wait in the child; the parent sends one at a time, and
	// more only when it stopped waiting for those before.
	recognizeQueue = 8
	// voiceQueue is how many requests of detectors may wait: each track has one under way.
	voiceQueue = 1024
	// maxVoices bounds the detectors: 5 MB each.
	maxVoices = 1024
	// maxStreams bounds the streams: each is an utterance under way, with a few seconds of state.
	maxStreams = 256
)

// server is the child: it answers requests, and holds no state but open detectors.
type server struct {
	models *models

	mu  sync.Mutex // held while a frame is written: whoever answers takes turns
	out io.Writer

	voices  map[uint32]*voice  // owned by serveVoices
	streams map[uint32]*stream // owned by serveStreams
}

// Serve loads the models, says hello on out, and answers the requests that come from in until in
// ends; then it is nil. Recognizing and detecting voices go on at the same time. What cannot be
// loaded is said on out as well as returned. A damaged model ends the process.
func Serve(in io.Reader, out io.Writer, f Files) error {
	s := &server{out: out, voices: map[uint32]*voice{}, streams: map[uint32]*stream{}}
	var err error
	if s.models, err = loadModels(f); err != nil {
		return errors.Join(err, s.answer(frame{kind: sayFailed, payload: []byte(err.Error())}))
	}
	greeting, err := json.Marshal(hello{Version, f.model(), voiceName, s.models.streaming(), residentBytes()})
	if err != nil {
		return err
	}
	if err := s.answer(frame{kind: sayHello, payload: greeting}); err != nil {
		return err
	}
	var workers sync.WaitGroup
	recognize, voices, streams := make(chan frame, recognizeQueue), make(chan frame, voiceQueue), make(chan frame, voiceQueue)
	workers.Go(func() { s.serveRecognize(recognize) })
	workers.Go(func() { s.serveVoices(voices) })
	workers.Go(func() { s.serveStreams(streams) })
	err = s.dispatch(bufio.NewReaderSize(in, 1<<16), recognize, voices, streams)
	close(recognize)
	close(voices)
	close(streams)
	workers.Wait()
	return err
}

// dispatch sends each request to whoever answers it; what finds a full queue fails.
func (s *server) dispatch(in io.Reader, recognize, voices, streams chan<- frame) error {
	for {
		f, err := readFrame(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		var queue chan<- frame
		switch f.kind {
		case askRecognize:
			queue = recognize
		case askListen, askHear, askLeave:
			queue = voices
		case askStream, askFeed, askShut:
			queue = streams
		default:
			return fmt.Errorf("a request of unknown kind %d", f.kind)
		}
		select {
		case queue <- f:
		default:
			if err := s.fail(f.id, errors.New("too many requests wait")); err != nil {
				return err
			}
		}
	}
}

// answer writes a frame. It fails when the parent is gone; the end of in says so too.
func (s *server) answer(f frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return writeFrame(s.out, f)
}

func (s *server) fail(id uint32, err error) error {
	return s.answer(frame{kind: sayFailed, id: id, payload: []byte(err.Error())})
}

func (s *server) serveRecognize(requests <-chan frame) {
	for f := range requests {
		asked, err := parseRecognizeRequest(f.payload)
		if err != nil {
			_ = s.fail(f.id, err)
			continue
		}
		words, err := json.Marshal(s.models.recognize(asked))
		if err != nil {
			_ = s.fail(f.id, err)
			continue
		}
		_ = s.answer(frame{kind: sayTold, id: f.id, payload: words})
	}
}

func (s *server) serveVoices(requests <-chan frame) {
	defer func() {
		for _, v := range s.voices {
			v.close()
		}
	}()
	for f := range requests {
		answer, err := s.voiceAnswer(f)
		if err != nil {
			_ = s.fail(f.id, err)
			continue
		}
		answer.id = f.id
		_ = s.answer(answer)
	}
}

func (s *server) voiceAnswer(f frame) (frame, error) {
	switch f.kind {
	case askListen:
		if len(s.voices) >= maxVoices {
			return frame{}, fmt.Errorf("more than %d detectors", maxVoices)
		}
		if s.voices[f.id] != nil {
			return frame{}, fmt.Errorf("detector %d is open", f.id)
		}
		v, err := s.models.newVoice()
		if err != nil {
			return frame{}, err
		}
		s.voices[f.id] = v
		return frame{kind: sayDone}, nil
	case askHear:
		detector, speech, err := parseHearRequest(f.payload)
		if err != nil {
			return frame{}, err
		}
		v := s.voices[detector]
		if v == nil {
			return frame{}, fmt.Errorf("no detector %d", detector)
		}
		return frame{kind: sayHeard, payload: v.hear(speech)}, nil
	default:
		detector, err := parseDetector(f.payload)
		if err != nil {
			return frame{}, err
		}
		if v := s.voices[detector]; v != nil {
			delete(s.voices, detector)
			v.close()
		}
		return frame{kind: sayDone}, nil
	}
}

func (s *server) serveStreams(requests <-chan frame) {
	defer func() {
		for _, open := range s.streams {
			open.close()
		}
	}()
	for f := range requests {
		answer, err := s.streamAnswer(f)
		if err != nil {
			_ = s.fail(f.id, err)
			continue
		}
		answer.id = f.id
		_ = s.answer(answer)
	}
}

func (s *server) streamAnswer(f frame) (frame, error) {
	if f.kind == askStream {
		if len(s.streams) >= maxStreams {
			return frame{}, fmt.Errorf("more than %d streams", maxStreams)
		}
		if s.streams[f.id] != nil {
			return frame{}, fmt.Errorf("stream %d is open", f.id)
		}
		open, err := s.models.newStream()
		if err != nil {
			return frame{}, err
		}
		s.streams[f.id] = open
		return frame{kind: sayDone}, nil
	}
	id, err := parseDetector(f.payload)
	if err != nil {
		return frame{}, err
	}
	open := s.streams[id]
	if f.kind == askShut {
		if open != nil {
			delete(s.streams, id)
			open.close()
		}
		return frame{kind: sayDone}, nil
	}
	speech, err := parseSamples(f.payload[4:])
	switch {
	case err != nil:
		return frame{}, err
	case open == nil:
		return frame{}, fmt.Errorf("no stream %d", id)
	case speech.Duration() > transcribe.MaxSpeech:
		return frame{}, fmt.Errorf("%v of speech; the limit is %v", speech.Duration(), transcribe.MaxSpeech)
	}
	words, err := json.Marshal(open.hear(speech))
	return frame{kind: sayTold, payload: words}, err
}

// residentBytes is this process's memory as Linux tells it; 0 elsewhere.
func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
