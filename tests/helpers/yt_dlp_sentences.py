"""What yt-dlp says of videos, by what it means for a clip."""

HINT = (
    "Use --cookies-from-browser or --cookies for the authentication. See  https://github.com/yt-dlp"
    "/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp  for how to manually pass cookies"
)
REPORT = (
    "please report this issue on  https://github.com/yt-dlp/yt-dlp/issues?q= , filling out the "
    "appropriate issue template. Confirm you are on the latest version using  yt-dlp -U"
)
SENTENCES = {
    "gone": [
        "Video unavailable",
        "Video unavailable. This video is no longer available because the YouTube account "
        "associated with this video has been terminated.",
        "Video unavailable. This video is no longer available because the uploader has closed "
        "their YouTube account.",
        "Video unavailable. This video is no longer available due to a copyright claim by SME",
        "Video unavailable. This video is private",
        "Video unavailable. This video is not available",
        "Video unavailable. This video has been removed by the uploader",
        "Video unavailable. This video contains content from SME, who has blocked it in your "
        "country on copyright grounds",
        "This video contains content from WMG, who has blocked it on copyright grounds.",
        "Video unavailable. The uploader has not made this video available in your country",
        "The uploader has not made this video available in your country",
        f"Private video. Sign in if you've been granted access to this video. {HINT}",
        f"Private video. Sign in if you’ve been granted access to this video. {HINT}",
        "This video is private. If the owner of this video has granted you access, please sign in.",
        "This video has been removed for violating YouTube's policy on hate speech.",
        "This video has been removed for violating YouTube’s Terms of Service",
        f"Sign in to confirm your age. This video may be inappropriate for some users. {HINT}",
        "Join this channel to get access to members-only content like this video, and other "
        "exclusive perks.",
        "This video requires payment to watch.",
        "This video is only available to Music Premium members",
        "This live stream recording is not available.",
        "This video isn’t available anymore",
    ],
    "unreadable": [
        "The following content is not available on this app.. Watch on the latest version of "
        "YouTube.",
        "Video unavailable. The following content is not available on this app.. Watch on the "
        "latest version of YouTube.",
        "Requested format is not available. Use --list-formats for a list of available formats",
        "This video is DRM protected",
        "Video unavailable. Playback on other websites has been disabled by the video owner",
        f"Failed to extract any player response; {REPORT}",
        f"Unable to extract initial player response; {REPORT}",
        "The page needs to be reloaded.",
        "No video formats found!",
        "nsig extraction failed: Some formats may be missing",
        "Please update yt-dlp: this video is private or the extractor is old",
    ],
    "failed": [
        "Video unavailable. This content isn’t available.",
        "Video unavailable. This video contains content from Mosfilm, who has blocked it from "
        "display on this website or application. Watch on YouTube",
        "Video unavailable. This video is restricted. Please check the Google Workspace "
        "administrator and/or the network administrator restrictions.",
        f"This video is not available; {REPORT}",
        "Unable to download API page: HTTP Error 404: Not Found (caused by <HTTPError 404>); "
        f"{REPORT}",
        "Unable to download webpage: HTTP Error 404: Not Found (caused by <HTTPError 404>)",
        "unable to download video data: HTTP Error 403: Forbidden",
        "unable to download video data: HTTP Error 404: Not Found",
        "HTTP Error 410: Gone",
        "Unable to download API page: [Errno -3] Temporary failure in name resolution (caused by "
        "TransportError('[Errno -3] Temporary failure in name resolution'))",
        "Unable to download API page: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
        f"Please sign in. {HINT}",
        f"Sign in to confirm this video is yours. {HINT}",
        "Postprocessing: ffmpeg not found. Please install or provide the path",
        "ffmpeg exited with code 8",
        "The downloaded file is empty",
    ],
    "busy": [
        f"Sign in to confirm you’re not a bot. {HINT}",
        "Sign in to confirm you're not a bot. This helps protect our community. Learn more",
        "Video unavailable. This content isn't available, try again later. The current session has "
        "been rate-limited by YouTube for up to an hour.",
        "Unable to download webpage: HTTP Error 429: Too Many Requests (caused by <HTTPError 429>)",
        "An error occurred. Please try again later.",
        "Video unavailable. YouTube is requiring a captcha challenge before playback",
    ],
}
