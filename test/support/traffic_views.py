# Views that the traffic tests ask for; appended to a copy of the sample's config/urls.py.
import logging
import os
import time

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt


def now(request):
    time.sleep(float(request.GET.get("sleep", 0)))
    answer = HttpResponse(f"{time.time_ns()}\n", status=int(request.GET.get("status", 200)))
    for name, value in request.GET.items():
        if name.startswith("h-"):
            answer[name[2:]] = value
    if "cookie" in request.GET:
        answer.set_cookie("flavour", "vanilla")
    for number in range(int(request.GET.get("cookies", 0))):
        answer.set_cookie(f"large{number}", "x" * 4000)
    return answer


def who(request):
    return HttpResponse(f"{request.user.username or 'nobody'} {time.time_ns()}\n")


def said(request):
    logging.getLogger("traffic").warning("seen")
    return HttpResponse(f"{request.headers.get('Authorization', '-')} {request.headers.get('Accept-Language', '-')} {time.time_ns()}\n")


def forwarded(request):
    names = sorted(name for name in request.headers if "Forwarded" in name)
    return HttpResponse("".join(f"{name}: {request.headers[name]}\n" for name in names))


def size(request):
    return HttpResponse(f"{len(request.body)}\n")


def large(request):
    return StreamingHttpResponse((b"x" * 65536 for _ in range(16 * int(request.GET["megabytes"]))), content_type="application/octet-stream")


@csrf_exempt
def count(request):
    return HttpResponse(f"{sum(len(part) for part in iter(lambda: request.read(65536), b''))}\n")


@csrf_exempt
def upload(request):
    sent = request.FILES["file"]
    time.sleep(float(request.GET.get("sleep", 0)))
    return HttpResponse(f"{sent.size} {os.path.dirname(sent.temporary_file_path())}\n")


urlpatterns += [
    path("t/now", now),
    path("t/who", who),
    path("t/said", said),
    path("t/forwarded", forwarded),
    re_path("^t/inner/", now),
    path("t/size", size),
    path("t/large", large),
    path("t/count", count),
    path("t/upload", upload),
]
