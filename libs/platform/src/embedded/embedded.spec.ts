import { behavesLikeAPlatform } from '../contract/index.js';
import { harness } from './embedded.harness.js';

behavesLikeAPlatform(harness);
