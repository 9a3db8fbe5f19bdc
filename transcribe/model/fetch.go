package model

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/parley/parley"
)

const (
	// largest bounds a file whose size nobody told: the biggest models that run without a GPU.
	largest = 8 << 30
	// tries is how often in a row a line may fail without a byte having come.
	tries = 5
)

// Fetcher fetches files over HTTP. Its zero value is not usable; see NewFetcher.
type Fetcher struct {
	Client *http.Client
	// Stall is how long a server may send nothing before the line is given up and tried again.
	Stall time.Duration
	// Pause is how long to wait before the first new try; it doubles.
	Pause time.Duration
}

// NewFetcher is for the internet as it is.
func NewFetcher() *Fetcher {
	return &Fetcher{Client: &http.Client{}, Stall: 30 * time.Second, Pause: time.Second}
}

// errFinal marks what another try would not mend.
var errFinal = errors.New("final")

// Fetch fetches address into the file at path, from where an earlier call was cut. f.SHA256 is the sum
// it must have; f.Bytes is its size, or 0 when unknown. progress, or nil, is called with what is there
// and what there will be (0: unknown). A wrong sum is Invalid and removes the file; a server that is
// not there, stalls or refuses is Unavailable and leaves what came.
func (h *Fetcher) Fetch(ctx context.Context, f File, path string, progress func(done, total int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	failed, pause := 0, h.Pause
	for {
		before := sizeOf(path)
		err := h.attempt(ctx, f, path, progress)
		switch {
		case err == nil:
			return checkSum(path, f.SHA256)
		case ctx.Err() != nil:
			return fmt.Errorf("fetch model: %w", context.Cause(ctx))
		case parley.KindOf(err) == parley.Invalid:
			return errors.Join(err, removeFile(path))
		}
		if sizeOf(path) > before {
			failed, pause = 0, h.Pause
		}
		if failed++; failed >= tries || errors.Is(err, errFinal) {
			return &parley.Error{
				Op: "fetch model", Kind: parley.Unavailable, Err: err,
				Say: "the model could not be fetched; what came is kept, and the same command goes on from there",
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause *= 2
	}
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// attempt asks once for what is missing, and appends what comes.
func (h *Fetcher) attempt(ctx context.Context, f File, path string, progress func(done, total int64)) (err error) {
	have := sizeOf(path)
	if f.Bytes > 0 && have == f.Bytes {
		return nil // only its sum is missing
	}
	if f.Bytes > 0 && have > f.Bytes {
		if err := removeFile(path); err != nil {
			return fmt.Errorf("%w: %w", errFinal, err)
		}
		have = 0
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(h.Stall, func() { cancel(fmt.Errorf("nothing came for %v", h.Stall)) })
	defer stalled.Stop()
	response, err := h.ask(ctx, f.URL, have)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	defer func() { _ = response.Body.Close() }()
	start, total, err := readHead(response, have)
	if err != nil {
		return err
	}
	if f.Bytes > 0 {
		total = f.Bytes
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644) //nolint:gosec // a model is no secret
	if err != nil {
		return fmt.Errorf("%w: %w", errFinal, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := errors.Join(file.Truncate(start), seekTo(file, start)); err != nil {
		return fmt.Errorf("%w: %w", errFinal, err)
	}
	in := &watched{in: response.Body, stalled: stalled, stall: h.Stall, done: start, total: total, progress: progress}
	limit := f.Bytes
	if limit == 0 {
		limit = largest
	}
	if _, err := io.Copy(file, io.LimitReader(in, limit-start+1)); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	return complete(in.done, f.Bytes, total)
}

// complete judges what has come when the server says that it is all.
func complete(have, want, announced int64) error {
	switch {
	case want > 0 && have > want:
		return &parley.Error{Op: "fetch model", Kind: parley.Invalid, Say: "the server sends more than the model has; nothing was installed"}
	case have > largest:
		return &parley.Error{Op: "fetch model", Kind: parley.Invalid, Say: "the file is larger than any model; nothing was installed"}
	case announced > 0 && have < announced:
		return fmt.Errorf("the line ended after %d of %d bytes", have, announced)
	}
	return nil
}

func seekTo(file *os.File, at int64) error {
	_, err := file.Seek(at, io.SeekStart)
	return err
}

func (h *Fetcher) ask(ctx context.Context, address string, have int64) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFinal, err)
	}
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	return h.Client.Do(request)
}

// readHead says where the answer begins, and how long the whole file is (0: unknown).
func readHead(r *http.Response, have int64) (start, total int64, err error) {
	switch r.StatusCode {
	case http.StatusOK:
		return 0, max(0, r.ContentLength), nil
	case http.StatusPartialContent:
		start, total, ok := parseRange(r.Header.Get("Content-Range"))
		if !ok || start > have { // a hole would be left
			return 0, 0, errors.New("the server sends another part than was asked for")
		}
		return start, total, nil
	case http.StatusRequestedRangeNotSatisfiable:
		_, total, ok := parseRange(r.Header.Get("Content-Range"))
		if ok && total == have {
			return have, have, nil // it is all here
		}
		return 0, 0, &parley.Error{Op: "fetch model", Kind: parley.Invalid, Say: "the server has another file than was begun; begin again"}
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return 0, 0, fmt.Errorf("the server answers %s", r.Status)
	}
	if r.StatusCode >= http.StatusInternalServerError {
		return 0, 0, fmt.Errorf("the server answers %s", r.Status)
	}
	return 0, 0, fmt.Errorf("%w: the server answers %s", errFinal, r.Status)
}

// parseRange reads "bytes 5-9/10" and "bytes */10" (RFC 9110 §14.4); a total of "*" is 0.
func parseRange(header string) (start, total int64, ok bool) {
	rest, found := strings.CutPrefix(header, "bytes ")
	part, whole, cut := strings.Cut(rest, "/")
	if !found || !cut {
		return 0, 0, false
	}
	if whole != "*" {
		var err error
		if total, err = strconv.ParseInt(whole, 10, 64); err != nil || total < 0 {
			return 0, 0, false
		}
	}
	if part == "*" {
		return 0, total, true
	}
	first, _, _ := strings.Cut(part, "-")
	start, err := strconv.ParseInt(first, 10, 64)
	return start, total, err == nil && start >= 0
}

// watched reads a body, puts off the end of patience and tells how far it is.
type watched struct {
	in          io.Reader
	stalled     *time.Timer
	stall       time.Duration
	done, total int64
	progress    func(done, total int64)
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.in.Read(b)
	if n > 0 {
		w.stalled.Reset(w.stall)
		w.done += int64(n)
		w.progress(w.done, w.total)
	}
	return n, err
}

// checkSum removes a file that has another sum.
func checkSum(path, want string) error {
	sum, err := SumOf(path)
	if err != nil {
		return fmt.Errorf("read model: %w", err)
	}
	if sum == strings.ToLower(want) {
		return nil
	}
	return errors.Join(&parley.Error{
		Op: "fetch model", Kind: parley.Invalid,
		Say: "the checksum is wrong: this is not the model that was asked for, or it was changed on its way; nothing was installed",
	}, removeFile(path))
}

// SumOf is the SHA-256 of a file, in hex. It reads all of it.
func SumOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
