# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Building out of tree, doing only what is not up to date.

build_jobs() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1; }

# build_autotools LOG: configure and Makefile.in, when their sources are newer.
build_autotools() {
    if [ -f "$TOP/configure" ] && [ -f "$TOP/Makefile.in" ] && [ -f "$TOP/build-aux/ltmain.sh" ] &&
        [ ! "$TOP/configure.ac" -nt "$TOP/configure" ] && [ ! "$TOP/Makefile.am" -nt "$TOP/Makefile.in" ]; then
        return
    fi
    mkdir -p "$TOP/m4"
    logged "$1" autoreconf -fi "$TOP" || die_log "autoreconf failed." "$1"
    # autoreconf leaves an unchanged Makefile.in alone; its date is what we go by.
    touch "$TOP/Makefile.in"
}

# build_tree DIR LOG OPTION...: configure once per set of options, then make.
build_tree() {
    local dir=$1 log=$2
    shift 2
    case $dir in
    *[\\\"\#\$\&\'\`]*) die "the path $TOP holds one of the characters \\ \" # \$ & ' \`, which automake cannot build in." \
        "Move the checkout to another place." ;;
    esac
    mkdir -p "$dir"
    : >"$log"
    (
        # Two commands at once must not write the same files.
        flock 9
        build_autotools "$log"
        cd "$dir" || exit 1
        # The paths of a checkout that was moved or copied are in its Makefiles.
        if [ ! -f config.status ] || [ "$TOP/configure" -nt config.status ] || [ "$TOP $*" != "$(cat options 2>/dev/null)" ]; then
            # The path is given relatively: automake refuses a source path with blanks.
            logged "$log" "$(build_relative "$dir")/configure" -q "$@" || die_log "configure failed." "$log"
            printf '%s\n' "$TOP $*" >options
            touch config.status
        fi
        logged "$log" make -s -j"$(build_jobs)" || die_log "the build failed." "$log" 30
    ) 9>"$TOP/build/.lock" || exit 1
}

# build_install DIR LOG TARGET...: make install into DIR/stage, afresh so that nothing old stays.
# By way of /tmp, because libtool installs into no path with blanks.
build_install() {
    local dir=$1 log=$2 temporary
    shift 2
    temporary=$(mktemp -d /tmp/twchat-stage.XXXXXX) || exit 1
    chmod 755 "$temporary"
    (
        flock 9
        rm -rf "$dir/stage"
        cd "$dir" && logged "$log" make -s "$@" DESTDIR="$temporary" && logged "$log" cp -R "$temporary" "$dir/stage"
    ) 9>"$TOP/build/.lock"
    local status=$?
    rm -rf "$temporary"
    [ $status = 0 ] || die_log "make $* failed." "$log"
}

# The way from DIR, somewhere below $TOP, up to $TOP: "../..".
build_relative() {
    local rest=${1#"$TOP"/} up=..
    while [ "$rest" != "${rest#*/}" ]; do
        rest=${rest#*/}
        up=$up/..
    done
    printf '%s' "$up"
}
