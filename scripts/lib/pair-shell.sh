# stub
# shellcheck shell=bash
