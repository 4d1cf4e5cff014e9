"""The forms of declaration that are read, in the order in which they are tried."""

from fromscratch.recipe.foreign import apko, dockerfile, hardened, mkosi, portage_config
from fromscratch.recipe.foreign.contract import Form

FORMS = (
    Form(title="a definition of a Docker Hardened Image", recognises=hardened.recognises, reader=hardened.read),
    Form(title="an image configuration of apko", recognises=apko.recognises, reader=apko.read),
    Form(
        title="a config.yaml of packages of Portage", recognises=portage_config.recognises, reader=portage_config.read
    ),
    Form(title="a Dockerfile", recognises=dockerfile.recognises, reader=dockerfile.read),
    Form(title="a configuration of mkosi", recognises=mkosi.recognises, reader=mkosi.read),
)
