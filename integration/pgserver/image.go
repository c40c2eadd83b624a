package pgserver

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
)

const (
	officialImage  = "postgres"
	localImage     = "headrace/postgres" // by make image
	defaultVersion = "17"
	pullTimeout    = 5 * time.Minute
)

// chooseImage returns the first available image: the one in
// HEADRACE_POSTGRES_IMAGE, unless the options have a version; the official one,
// if the engine has it; the one that "make image" builds; the official one from
// its registry.
func (e *engine) chooseImage(ctx context.Context, opts *Options) (string, error) {
	if image := os.Getenv("HEADRACE_POSTGRES_IMAGE"); image != "" && opts.Version == "" {
		return image, nil // testcontainers pulls it if it is missing
	}
	official := fmt.Sprintf("%s:%s-alpine", officialImage, cmp.Or(opts.Version, defaultVersion))
	if _, err := e.ImageInspect(ctx, official); err == nil {
		return official, nil
	}
	built, err := e.builtImage(ctx, opts.Version)
	if err != nil || built != "" {
		return built, err
	}
	if err := pull(ctx, opts, official); err != nil {
		return "", absent("the engine cannot pull image %s, and has no %s from \"make image\": %v",
			official, localImage, err)
	}
	return official, nil
}

// builtImage returns the local image of a version or, without a version, the
// newest. It returns "" if there is none.
func (e *engine) builtImage(ctx context.Context, version string) (string, error) {
	filters := make(client.Filters).Add("reference", localImage)
	images, err := e.ImageList(ctx, client.ImageListOptions{Filters: filters})
	if err != nil {
		return "", fmt.Errorf("list images: %w", err)
	}
	var majors []int
	for _, image := range images.Items {
		for _, tag := range image.RepoTags {
			major, err := strconv.Atoi(strings.TrimPrefix(tag, localImage+":"))
			if err == nil && (version == "" || strconv.Itoa(major) == version) {
				majors = append(majors, major)
			}
		}
	}
	if len(majors) == 0 {
		return "", nil
	}
	return fmt.Sprintf("%s:%d", localImage, slices.Max(majors)), nil
}

func pull(ctx context.Context, opts *Options, image string) error {
	printLine(opts, fmt.Sprintf("pgserver: pulling %s\n", image))
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	// testcontainers logs missing credentials, which a public image does not
	// need.
	provider, err := testcontainers.NewDockerProvider(testcontainers.WithLogger(log.NewNoopLogger()))
	if err != nil {
		return err
	}
	defer func() { _ = provider.Close() }()
	return provider.PullImage(ctx, image)
}
